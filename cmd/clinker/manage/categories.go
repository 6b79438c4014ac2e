package manage

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/oslo/config"
)

func (c *commands) service() *cobra.Command {
	return category("service", "Manage services",
		c.action("list", "Show a list of all cinder services", none, func(ctx context.Context, d maintenance.Desk, _ []string) error { return d.Services(ctx) }),
		c.action("remove binary host_name", "Completely remove a service", commandline.Positional(0, "binary", "host_name"),
			func(ctx context.Context, d maintenance.Desk, args []string) error {
				return d.RemoveService(ctx, args[0], args[1])
			}))
}

func (c *commands) host() *cobra.Command {
	return category("host", "List hosts",
		c.action("list [zone]", "Show a list of all physical hosts, or of those of a zone", commandline.Positional(1, "zone"),
			func(ctx context.Context, d maintenance.Desk, args []string) error {
				return d.Hosts(ctx, optional(args))
			}))
}

// optional is the first argument, if there is one.
func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (c *commands) cluster() *cobra.Command {
	var recursive, whole bool
	remove := c.action("remove binary cluster-name", "Completely remove a cluster", commandline.Positional(0, "binary", "cluster-name"),
		func(ctx context.Context, d maintenance.Desk, args []string) error {
			return d.RemoveCluster(ctx, args[0], args[1], recursive)
		})
	remove.Flags().BoolVar(&recursive, "recursive", false, "delete associated hosts")
	rename := c.action("rename current new", "Rename a cluster for volumes and consistency groups", commandline.Positional(0, "current", "new"),
		func(ctx context.Context, d maintenance.Desk, args []string) error {
			return d.RenameCluster(ctx, args[0], args[1], whole)
		})
	rename.Flags().BoolVar(&whole, "full-rename", false, "replace the whole name, and not only the cluster's part of it")
	return category("cluster", "Manage clusters",
		c.action("list", "Show a list of all clusters", none, func(ctx context.Context, d maintenance.Desk, _ []string) error { return d.Clusters(ctx) }),
		remove, rename)
}

// moving makes an action with upstream's flags for a host's old and new name.
func (c *commands) moving(use, short string, move func(d maintenance.Desk, ctx context.Context, from, to string) error) *cobra.Command {
	var from, to string
	cmd := c.action(use, short, none, func(ctx context.Context, d maintenance.Desk, _ []string) error { return move(d, ctx, from, to) })
	cmd.Flags().StringVar(&from, "currenthost", "", "the present `host`")
	cmd.Flags().StringVar(&to, "newhost", "", "the new `host`")
	inner := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if from == "" || to == "" {
			return commandline.Mistake("%s: the following arguments are required: --currenthost, --newhost", cmd.CommandPath())
		}
		return inner(cmd, args)
	}
	return cmd
}

func (c *commands) volume() *cobra.Command {
	return category("volume", "Deal with volumes in an odd state",
		c.action("delete volume_id", "Delete a volume, bypassing the check that it must be available", commandline.Positional(0, "volume_id"),
			func(ctx context.Context, d maintenance.Desk, args []string) error {
				return d.DeleteVolume(ctx, args[0])
			}),
		c.moving("update_host", "Modify the host name associated with volumes (host@backend#pool)", maintenance.Desk.MoveVolumes),
		c.action("update_service", "Modify the service uuid associated with volumes", none,
			func(ctx context.Context, d maintenance.Desk, _ []string) error { return d.AdoptVolumes(ctx) }))
}

func (c *commands) backup() *cobra.Command {
	return category("backup", "Manage backups",
		c.action("list", "List all backups, and the host on which the backup operation is running", none,
			func(ctx context.Context, d maintenance.Desk, _ []string) error { return d.Backups(ctx) }),
		c.moving("update_backup_host", "Modify the host name associated with backups", maintenance.Desk.MoveBackups))
}

func (c *commands) consistencyGroup() *cobra.Command {
	return category("cg", "Manage consistency groups",
		c.moving("update_cg_host", "Modify the host name associated with consistency groups", maintenance.Desk.MoveConsistencyGroups))
}

func (c *commands) quota() *cobra.Command {
	action := func(name, short string, fix bool) *cobra.Command {
		var project string
		cmd := c.action(name, short, none, func(ctx context.Context, d maintenance.Desk, _ []string) error {
			return d.CheckQuota(ctx, project, fix)
		})
		cmd.Flags().StringVar(&project, "project-id", "", "the `ID` of the project (all projects if it is not given)")
		return cmd
	}
	return category("quota", "Manage quota issues", action("check", "Check if quotas and reservations are correct", false),
		action("sync", "Fix quotas and reservations", true))
}

func (c *commands) util() *cobra.Command {
	var offline bool
	clean := c.action("clean_locks", "Clean file locks of Python's services for volumes, snapshots and backups on the current host", none,
		func(ctx context.Context, d maintenance.Desk, _ []string) error {
			return d.CleanLocks(ctx, c.program.lockDirectories(), offline)
		})
	clean.Flags().BoolVar(&offline, "services-offline", false, "all locks can be deleted as Cinder services are not running")
	return category("util", "Generic utils", clean)
}

// lockDirectories are where lock files may be.
func (p *Program) lockDirectories() []string {
	var list []string
	if dir := lockPath.Get(p.conf); dir != "" {
		list = append(list, dir)
	}
	if dir, is := p.Locks.Directory(p.conf); is && (len(list) == 0 || list[0] != dir) {
		list = append(list, dir)
	}
	return list
}

func (c *commands) version() *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), commandline.Release)
		return err
	}
	return category("version", "Expose the codebase version", &cobra.Command{Use: "list", Short: "Print the version", Args: none, RunE: list})
}

func (c *commands) config() *cobra.Command {
	list := &cobra.Command{Use: "list [param]", Short: "List parameters configured for cinder, or one of [DEFAULT]", Args: commandline.Positional(1, "param"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.program.configure(commandline.Operators(c.src)); err != nil {
				return err
			}
			return writeSettings(cmd.OutOrStdout(), c.program.conf, strings.TrimSpace(optional(args)))
		}}
	return category("config", "Expose the configuration", list)
}

// writeSettings writes what options are, those of other sections as section.option; one of them if param names it.
func writeSettings(out io.Writer, conf *config.Config, param string) error {
	found := param == ""
	for _, s := range conf.Settings() {
		name := s.Name
		if s.Group != config.DefaultGroup {
			name = s.Group + "." + s.Name
		}
		if param != "" && name != param {
			continue
		}
		found = true
		if _, err := fmt.Fprintf(out, "%s = %s\n", name, s.Text); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("no such option %s in group [DEFAULT]; an option of another section is written as section.option", param)
	}
	return nil
}

func (c *commands) database() *cobra.Command {
	return category("db", "Manage the database", c.sync(), c.revision(), c.purge(), c.migrateData(), c.resetActiveBackend())
}

func (c *commands) sync() *cobra.Command {
	var bump bool
	cmd := c.opening("sync [version]", "Sync the database up to the most recent version", commandline.Positional(1, "version"), true, true,
		func(ctx context.Context, d maintenance.Desk, _ []string) error {
			if !bump {
				return nil
			}
			if err := d.BumpVersions(ctx); err != nil {
				fmt.Fprintf(d.Out, "Error during service version bump: %v\n", err)
				return maintenance.Status(2)
			}
			return nil
		})
	cmd.Flags().BoolVar(&bump, "bump-versions", false, "update RPC and object versions of services, so that after an offline upgrade they need not be restarted twice")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if version := optional(args); version != "" && version != maintenance.Revision {
			fmt.Fprintf(cmd.OutOrStdout(), "Error during database migration: there is no way to version %s; the tables are made and adopted at %s alone.\n",
				version, maintenance.Revision)
			return maintenance.Status(1)
		}
		return run(cmd, args)
	}
	return cmd
}

func (c *commands) revision() *cobra.Command {
	return c.opening("version", "Print the current database version", none, false, false,
		func(ctx context.Context, d maintenance.Desk, _ []string) error { return d.DatabaseVersion(ctx) })
}

func (c *commands) purge() *cobra.Command {
	return c.action("purge age_in_days", "Purge deleted rows older than a given age from cinder tables", func(cmd *cobra.Command, args []string) error {
		if err := commandline.Positional(0, "age_in_days")(cmd, args); err != nil {
			return err
		}
		return whole(cmd, "age_in_days", args[0])
	}, func(ctx context.Context, d maintenance.Desk, args []string) error {
		days, _ := strconv.Atoi(args[0]) // checked before
		return d.Purge(ctx, days)
	})
}

// whole refuses an argument that is no whole number, as argparse does.
func whole(cmd *cobra.Command, name, text string) error {
	if _, err := strconv.Atoi(text); err != nil {
		return commandline.Mistake("%s: argument %s: invalid int value: '%s'", cmd.CommandPath(), name, text)
	}
	return nil
}

func (c *commands) migrateData() *cobra.Command {
	var most int
	var cmd *cobra.Command
	cmd = c.action("online_data_migrations", "Perform online data migrations for the release in batches", none,
		func(ctx context.Context, d maintenance.Desk, _ []string) error {
			if !cmd.Flags().Changed("max-count") {
				return d.MigrateData(ctx, nil)
			}
			return d.MigrateData(ctx, &most)
		})
	cmd.Flags().IntVar(&most, "max_count", 0, "the most `number` of objects to consider")
	return cmd
}

func (c *commands) resetActiveBackend() *cobra.Command {
	var host, id string
	var ignored bool
	cmd := c.action("reset_active_backend", "Reset the active backend for a host", none,
		func(ctx context.Context, d maintenance.Desk, _ []string) error {
			return d.ResetActiveBackend(ctx, host, id)
		})
	cmd.Flags().StringVar(&host, "backend-host", "", "the backend `host` name")
	cmd.Flags().StringVar(&id, "active-backend-id", "", "change the active backend `ID`")
	cmd.Flags().BoolVar(&ignored, "enable-replication", false, "is what is done in any case: the replication status becomes enabled")
	inner := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if host == "" {
			return commandline.Mistake("%s: the following arguments are required: --backend-host", cmd.CommandPath())
		}
		return inner(cmd, args)
	}
	return cmd
}
