// Command clinker is OpenStack Block Storage in one binary. "clinker up" is a working cloud; called as cinder-api,
// cinder-scheduler, cinder-volume, cinder-backup or cinder-all, it is that service.
//
// This package is the only place that wires implementations together: a short file per subcommand, and one per part of
// the process. What must not live here: anything a service decides.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/lifecycle"
	"github.com/clinker/clinker/cmd/clinker/manage"
	"github.com/clinker/clinker/cmd/clinker/usageaudit"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	lifecycle.Lean()
	args := os.Args[1:]
	if name := filepath.Base(os.Args[0]); slices.Contains(append(serviceNames(), usageaudit.Name, manage.Name, manage.StatusName), name) {
		args = append([]string{name}, args...)
	}
	if len(args) > 0 && args[0] == manage.Name {
		args = manage.Arguments(args)
	}
	if len(args) > 0 && slices.Contains(serviceNames(), args[0]) {
		lifecycle.Roomy()
	}
	os.Exit(execute(context.Background(), args))
}

// execute runs one command line and gives the exit status.
func execute(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var status maintenance.Status
	if errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintf(os.Stderr, "clinker: %v\n", err)
	var usage commandline.Usage
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "clinker",
		Short: "OpenStack Block Storage in one binary",
		Long: `Clinker is OpenStack Block Storage (Cinder) in one binary.

  clinker up      a working cloud on this machine: no root, no database server, no broker
  clinker env     the shell lines that point a client at it

The other commands are Cinder's services, one process each, on the configuration of an
existing cloud. They also answer to their own names: a link named cinder-volume to this
binary is cinder-volume.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return commandline.Mistake("unknown command %q; \"clinker --help\" lists the commands", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return commandline.Mistake("%w; \"%s --help\" lists the flags", err, cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	operator := manage.Program{Declare: func() manage.Declared {
		opts := newOptions()
		return manage.Declared{Options: opts.all(), Database: opts.database, Log: opts.log, Messages: opts.messages, Locks: opts.locks}
	}}
	root.AddCommand(upCommand(), envCommand(), manage.ConfigCommand(func() []config.Option { return newOptions().all() }), manage.DatabaseCommand(operator), manage.Command(operator), manage.StatusCommand(operator))
	root.AddCommand(serviceCommands()...)
	root.AddCommand(auditCommand())
	return root
}
