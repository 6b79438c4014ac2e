package main

import (
	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/oslo/config"
)

func databaseCommand() *cobra.Command {
	group := &cobra.Command{Use: "database", Short: "Look after the database of Block Storage",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var src config.Sources
	add := &cobra.Command{Use: "add-indexes", Short: "Add Clinker's indexes to Cinder's tables, while services run",
		Long: database.AddIndexesHelp, Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error {
			opts := newOptions()
			conf, err := config.Load(commandline.Operators(src), opts.all()...)
			if err != nil {
				return err
			}
			return opts.database.AddIndexes(cmd.Context(), conf, quota.OptionsFrom(conf).Limits(), cmd.OutOrStdout())
		}}
	drop := &cobra.Command{Use: "drop-indexes", Short: "Remove Clinker's indexes from Cinder's tables, while services run",
		Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error {
			opts := newOptions()
			conf, err := config.Load(commandline.Operators(src), opts.all()...)
			if err != nil {
				return err
			}
			return opts.database.DropIndexes(cmd.Context(), conf, cmd.OutOrStdout())
		}}
	for _, cmd := range []*cobra.Command{add, drop} {
		commandline.Program(cmd, &src)
		group.AddCommand(cmd)
	}
	return group
}
