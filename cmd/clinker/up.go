package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/statedir"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/oslo/config"
)

// place is where a cloud of "clinker up" listens and keeps its state.
type place struct {
	bind, stateDir string
}

// flags declares the flags that say where; up and env have them alike.
func (pl *place) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&pl.bind, "bind", "127.0.0.1", "the `address` everything listens on")
	cmd.Flags().StringVar(&pl.stateDir, "state-dir", defaultStateDir(), "the `directory` everything is kept in")
}

// defaultStateDir follows the XDG base directory specification; a user without a home keeps state in the temporary
// directory, under the user's number.
func defaultStateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "clinker")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "clinker")
	}
	return filepath.Join(os.TempDir(), "clinker-"+strconv.Itoa(os.Getuid()))
}

// check makes the place usable in messages and files: an IP address and an absolute path.
func (pl *place) check() error {
	if net.ParseIP(pl.bind) == nil {
		return commandline.Mistake("--bind %q is not an IP address; 127.0.0.1 serves this machine only", pl.bind)
	}
	dir, err := filepath.Abs(pl.stateDir)
	if err != nil {
		return commandline.Mistake("--state-dir %q: %w", pl.stateDir, err)
	}
	pl.stateDir = dir
	return nil
}

// identityPort and imagePort are where these services of "clinker up" listen unless told otherwise.
const (
	identityPort = "5000"
	imagePort    = "9292"
)

// defaults are what "clinker up" has in the place of Cinder's defaults; configuration files win over them.
func (pl *place) defaults() map[string]string {
	return map[string]string{
		"host": "clinker", "state_path": pl.stateDir, "my_ip": pl.bind,
		"osapi_volume_listen": pl.bind, "auth_strategy": "keystone", "clinker.identity_listen": pl.bind, "clinker.identity_port": identityPort,
		"clinker.image_listen": pl.bind, "clinker.image_port": imagePort, "glance_store.filesystem_thin_provisioning": "true",
		// Without Keystone a project is called what its user likes; "admin", as clients without Keystone have it, is no
		// hexadecimal number.
		"project_id_regex": `[0-9A-Za-z_.\-]+`,
		"transport_url":    "inproc://", "database.connection": "sqlite:///" + filepath.Join(pl.stateDir, "cinder.sqlite"),
		"enabled_backends": "file", "file.volume_driver": "file",
		"clinker.admin_listen": pl.bind, "clinker.admin_port": "8778",
		"oslo_policy.policy_file": filepath.Join(pl.stateDir, "policy.yaml"), "oslo_policy.policy_dirs": filepath.Join(pl.stateDir, "policy.d"),
		"oslo_policy.enforce_new_defaults": "true",
	}
}

func upCommand() *cobra.Command {
	var pl place
	var files []string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run a whole cloud in this process",
		Long: `Run all block-storage services, an identity service and an image service in one
process, with everything they need embedded: SQLite, in-process messages, volumes and
images as sparse files, and NBD to reach volumes. The first start makes users and
passwords; "clinker env" tells them.

It needs no root. What it makes is kept in the state directory, and found again at the
next start. Ctrl-C stops it; what was under way is finished or resumed at the next start.
Two clouds run side by side when both --bind and --state-dir differ.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := pl.check(); err != nil {
				return err
			}
			return up(cmd.Context(), cmd.OutOrStdout(), pl, files)
		},
	}
	pl.flags(cmd)
	cmd.Flags().StringArrayVar(&files, "config-file", nil, "a cinder.conf `file` whose options win over the embedded ones; may be repeated")
	return cmd
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return commandline.Mistake("unexpected argument %q; \"%s --help\" lists the flags", args[0], cmd.CommandPath())
	}
	return nil
}

// up runs the cloud until it is told to stop.
func up(ctx context.Context, out io.Writer, pl place, files []string) error {
	unlock, err := statedir.Lock(pl.stateDir)
	if err != nil {
		return err
	}
	defer unlock()
	key, err := statedir.FixedKey(pl.stateDir)
	if err != nil {
		return err
	}
	defaults := pl.defaults()
	defaults["key_manager.backend"], defaults["key_manager.fixed_key"] = keymanager.FixedBackend, key
	p, err := newProcess(ctx, "clinker", config.Sources{Defaults: defaults, Files: files}, allServices)
	if err != nil {
		return err
	}
	defer p.close()
	components, err := p.components(allServices)
	if err != nil {
		return err
	}
	return p.service(components, func() { greet(out, p, pl) }).Run(ctx)
}

// greet says what listens where and how to talk to it.
func greet(out io.Writer, p *process, pl place) {
	api := "http://" + net.JoinHostPort(p.opts.listen.Get(p.conf), strconv.Itoa(p.opts.listenPort.Get(p.conf)))
	if p.identity != nil {
		fmt.Fprintf(out, "identity API       %s/v3\n", p.identity.URL)
	}
	if p.image != nil {
		fmt.Fprintf(out, "image API          %s/v2\n", p.image.URL)
	}
	fmt.Fprintf(out, "block storage API  %s/v3\n", api)
	for _, name := range p.conf.Backends() {
		fmt.Fprintf(out, "volumes over NBD   %s (back end %s)\n", net.JoinHostPort(p.opts.backends.address(p, name),
			strconv.Itoa(p.opts.backends.targetPort.In(p.conf, name))), name)
	}
	if port := p.opts.adminPort.Get(p.conf); port != 0 {
		fmt.Fprintf(out, "metrics            http://%s/metrics\n", net.JoinHostPort(p.opts.adminListen.Get(p.conf), strconv.Itoa(port)))
	}
	fmt.Fprintf(out, "state              %s\n", p.statePath)
	if p.identity == nil && p.validation != nil {
		fmt.Fprintf(out, "tokens             from %s\n", p.validation.URI())
		return
	}
	client, flags := "openstack volume list", ""
	if p.identity == nil {
		client, flags = "cinder list", " --noauth"
	}
	fmt.Fprintf(out, "To talk to it:     eval \"$(clinker env --bind %s --state-dir %s%s)\"; %s\n", pl.bind, shellQuote(pl.stateDir), flags, client)
}
