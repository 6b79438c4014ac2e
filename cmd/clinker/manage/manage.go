// Package manage is the command line of cinder-manage: its categories, actions, arguments and flags, as Cinder has them. What
// an action does is package maintenance's.
package manage

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Name is the program's.
const Name = "cinder-manage"

// LockOptions are the options that say where lock files are; util clean_locks reads them.
func LockOptions() []config.Option { return []config.Option{lockPath} }

var lockPath = config.String("oslo_concurrency", "lock_path", "", "The directory of lock files of Python's services, for cinder-manage util clean_locks.",
	config.NoDefault(), config.Deprecated(config.DefaultGroup, "lock_path"))

var negative = regexp.MustCompile(`^-[0-9]+$`)

// Arguments makes an argument like -1 one that is no flag, as it is to Python.
func Arguments(args []string) []string {
	for i, arg := range args {
		if arg == "--" {
			return args
		}
		if negative.MatchString(arg) {
			return append(append(append([]string{}, args[:i]...), "--"), args[i:]...)
		}
	}
	return args
}

// commands builds the tree.
type commands struct {
	program *Program
	src     config.Sources
}

// Command is the command line.
func Command(p Program) *cobra.Command {
	c := &commands{program: &p}
	root := &cobra.Command{Use: Name, Short: "Look after Block Storage: database, services, quotas, ...",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return commandline.Mistake("%s: argument category: invalid choice: '%s' (choose from %s)", Name, args[0], names(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintf(cmd.OutOrStdout(), "\nOpenStack Cinder version: %s\n\n%s category action [<args>]\nAvailable categories:\n\t%s\n",
				commandline.Release, cmd.CommandPath(), strings.ReplaceAll(names(cmd), ", ", "\n\t"))
			return maintenance.Status(2)
		}}
	commandline.Program(root, &c.src)
	root.AddCommand(c.backup(), c.consistencyGroup(), c.cluster(), c.config(), c.database(), c.host(), c.quota(), c.service(), c.util(),
		c.version(), c.volume())
	return root
}

// names lists the commands below one.
func names(cmd *cobra.Command) string {
	var list []string
	for _, sub := range cmd.Commands() {
		if sub.Name() != "help" {
			list = append(list, sub.Name())
		}
	}
	return strings.Join(list, ", ")
}

// category makes a command that wants an action.
func category(name, short string, actions ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return commandline.Mistake("%s: argument action: invalid choice: '%s' (choose from %s)", cmd.CommandPath(), args[0], names(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return maintenance.Status(2)
		}}
	cmd.AddCommand(actions...)
	return cmd
}

// action makes a command that works at the desk; arguments are those of a command line, in the order of their names.
func (c *commands) action(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, d maintenance.Desk, args []string) error) *cobra.Command {
	return c.opening(use, short, args, false, true, do)
}

func (c *commands) opening(use, short string, args cobra.PositionalArgs, sync, checked bool,
	do func(ctx context.Context, d maintenance.Desk, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) (err error) {
		if err := c.program.configure(commandline.Operators(c.src)); err != nil {
			return err
		}
		desk, closed, err := c.program.open(cmd.Context(), cmd.OutOrStdout(), sync, checked)
		if err != nil {
			return err
		}
		defer func() {
			if e := closed(); err == nil {
				err = e
			}
		}()
		return do(cmd.Context(), desk, args)
	}}
}

// none takes no arguments.
var none = commandline.Positional(0)
