package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/usageaudit"
	"github.com/clinker/clinker/internal/oslo/config"
)

// auditCommand is cinder-volume-usage-audit, with upstream's flags.
func auditCommand() *cobra.Command {
	var src config.Sources
	var r usageaudit.Request
	cmd := &cobra.Command{
		Use: usageaudit.Name, Short: "Send notifications of what there was in a period", Args: noArguments,
		Long: `Send a notification "exists" for each volume, snapshot and backup that there was in a period:
by default the last one that is over, of the length that volume_usage_audit_period says.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAudit(cmd.Context(), src, r) },
	}
	cmd.Flags().StringVar(&r.From, "start-time", "", "when the period begins, as \"`YYYY-MM-DD hh:mm:ss`\" UTC")
	cmd.Flags().StringVar(&r.Until, "end-time", "", "when the period ends, as \"`YYYY-MM-DD hh:mm:ss`\" UTC")
	cmd.Flags().BoolVar(&r.Actions, "send-actions", false, "send also what was made and deleted within the period")
	commandline.Program(cmd, &src)
	return cmd
}

func runAudit(ctx context.Context, src config.Sources, r usageaudit.Request) error {
	p, err := newProcess(ctx, usageaudit.Name, commandline.Operators(src), services{})
	if err != nil {
		return err
	}
	defer p.close()
	return usageaudit.Run(ctx, usageaudit.Process{Conf: p.conf, Store: p.store, Notifier: p.notifier, Host: p.host, Log: p.log}, r)
}
