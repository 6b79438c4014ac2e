package manage

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/configdoc"
)

// DatabaseCommand is Clinker's own command about the database: indexes that Cinder does not have, and the way back to Cinder.
func DatabaseCommand(p Program) *cobra.Command {
	group := &cobra.Command{Use: "database", Short: "Look after the database of Block Storage",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var src config.Sources
	commandline.Program(group, &src)
	add := func(use, short, long string, run func(ctx context.Context, cmd *cobra.Command) error) {
		group.AddCommand(&cobra.Command{Use: use, Short: short, Long: long, Args: none, RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.configure(commandline.Operators(src)); err != nil {
				return err
			}
			return run(cmd.Context(), cmd)
		}})
	}
	add("add-indexes", "Add Clinker's indexes to Cinder's tables, while services run", database.AddIndexesHelp, func(ctx context.Context, cmd *cobra.Command) error {
		return p.Database.AddIndexes(ctx, p.conf, quota.OptionsFrom(p.conf).Limits(), cmd.OutOrStdout())
	})
	add("drop-indexes", "Remove Clinker's indexes from Cinder's tables, while services run", "", func(ctx context.Context, cmd *cobra.Command) error {
		return p.Database.DropIndexes(ctx, p.conf, cmd.OutOrStdout())
	})
	add("hand-back", "Give what stopped services of Clinker left unfinished to Python's", `Give what services of Clinker that do not run any more left in their journal to the Python
services in their place, which clean up when they start: what was being made will be in
error, what was being deleted will be deleted. Run it after Clinker's services were stopped
and before Python's are started; what Python's do not clean up is named, and its state has
to be set by hand. Status 1 says that something is left.`, func(ctx context.Context, cmd *cobra.Command) error {
		desk, closed, err := p.open(ctx, cmd.OutOrStdout(), false, true)
		if err != nil {
			return err
		}
		return errors.Join(desk.HandBack(ctx), closed())
	})
	return group
}

// ConfigCommand documents the options of the configuration.
func ConfigCommand(options func() []config.Option) *cobra.Command {
	writers := map[string]func(cmd *cobra.Command) error{
		"sample":    func(cmd *cobra.Command) error { return configdoc.WriteSample(cmd.OutOrStdout(), options()...) },
		"reference": func(cmd *cobra.Command) error { return configdoc.WriteReference(cmd.OutOrStdout(), options()...) },
	}
	return &cobra.Command{Use: "config sample|reference", Short: "Print the configuration options",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || writers[args[0]] == nil {
				return commandline.Mistake("say which: clinker config %s", strings.Join([]string{"sample", "reference"}, " | "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return writers[args[0]](cmd) }}
}
