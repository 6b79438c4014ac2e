package main

import "github.com/clinker/clinker/cmd/clinker/imageclient"

// openImages makes the client of the image service.
func (p *process) openImages() (err error) {
	c := imageclient.Config{Keystone: p.opts.authStrategy.Get(p.conf) == "keystone", Log: p.log}
	if p.opts.image.Wanted(p.conf) {
		c.Own = p.opts.image.URL(p.conf)
	}
	c.Identity = func() (address, password string, ok bool) {
		if p.identity == nil {
			return "", "", false
		}
		return p.identity.Address, p.identity.Passwords["cinder"], true
	}
	p.images, err = imageclient.Open(p.conf, c)
	return err
}
