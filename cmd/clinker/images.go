package main

import (
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/glance/client"
)

// openImages makes the client of the image service: the one that is configured, or else ours. Without either it says so to
// whoever asks.
func (p *process) openImages() (err error) {
	o := client.OptionsFrom(p.conf)
	if len(o.Servers) == 0 && p.opts.image.Wanted(p.conf) {
		o.Servers = []string{p.opts.image.URL(p.conf)}
	}
	o.Log = p.log
	p.images, err = client.New(o)
	return err
}

// imageSettings is what the volume service of a back end does with images.
func (p *process) imageSettings(backend string) image.Settings {
	s := image.SettingsFrom(p.conf, backend)
	s.Images, s.Run = p.images, execx.System{}
	return s
}
