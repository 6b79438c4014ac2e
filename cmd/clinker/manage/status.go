package manage

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/block/app/upgrade"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// StatusName is the program that says whether an upgrade may be made.
const StatusName = "cinder-status"

// checkBroke is the status of a check that could not be made, so that it is not taken for a result.
const checkBroke = 255

// StatusCommand is cinder-status: upgrade check.
func StatusCommand(p Program) *cobra.Command {
	var src config.Sources
	var asJSON bool
	root := &cobra.Command{Use: StatusName, Short: "Say whether another release may take over", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return commandline.Mistake("%s: the following arguments are required: command", StatusName)
		}}
	commandline.Program(root, &src)
	up := &cobra.Command{Use: "upgrade", Short: "Check before an upgrade", Args: none, RunE: func(cmd *cobra.Command, _ []string) error {
		return commandline.Mistake("%s upgrade: the following arguments are required: check", StatusName)
	}}
	check := &cobra.Command{Use: "check", Short: "Look at configuration and database", Args: none,
		Long: `Look at configuration and database for what has to be done before the services are
replaced. The exit status is 0 if there is nothing, 1 if a check warns, 2 if one fails,
255 if they could not be made.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			results, err := p.upgradeCheck(cmd.Context(), commandline.Operators(src))
			if err != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "Error:\n%s\n", fault.UserText(err))
				return maintenance.Status(checkBroke)
			}
			write := upgrade.WriteTable
			if asJSON {
				write = upgrade.WriteJSON
			}
			if err := write(cmd.OutOrStdout(), results); err != nil {
				return err
			}
			if worst := upgrade.Worst(results); worst != upgrade.Success {
				return maintenance.Status(worst)
			}
			return nil
		}}
	up.PersistentFlags().BoolVar(&asJSON, "json", false, "output the results in JSON format")
	root.AddCommand(up)
	up.AddCommand(check)
	return root
}

func (p *Program) upgradeCheck(ctx context.Context, src config.Sources) (results []upgrade.Result, err error) {
	if err := p.configure(src); err != nil {
		return nil, err
	}
	s, err := p.Database.OpenAsIs(ctx, p.conf, p.logger)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	directory := ""
	if path := commandline.Find(src, "cinder.conf"); filepath.IsAbs(path) {
		directory = filepath.Dir(path)
	}
	subject := upgrade.Subject{Directory: directory, Database: s, BackupDriver: given(p.conf, config.DefaultGroup, "backup_driver"),
		PolicyFile: given(p.conf, "oslo_policy", "policy_file"), PeriodicInterval: given(p.conf, config.DefaultGroup, "periodic_interval"),
		QuotaDriver: given(p.conf, config.DefaultGroup, "quota_driver")}
	for _, backend := range p.conf.Backends() {
		driver := given(p.conf, backend, "volume_driver")
		if driver == "" {
			driver = given(p.conf, config.BackendDefaults, "volume_driver")
		}
		subject.VolumeDrivers = append(subject.VolumeDrivers, driver)
	}
	return upgrade.Check(ctx, subject)
}

// given is what somebody said an option is, empty if nobody did.
func given(conf *config.Config, group, name string) string {
	if text, set := conf.IgnoredText(group, name); set {
		return text
	}
	settings := conf.Settings()
	i := slices.IndexFunc(settings, func(s config.Setting) bool { return s.Group == group && s.Name == name && s.Origin != "" })
	if i < 0 {
		return ""
	}
	return settings[i].Text
}
