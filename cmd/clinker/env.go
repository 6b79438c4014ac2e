package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	var pl place
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the shell lines that point a client at a running \"clinker up\"",
		Long: `Print the shell lines that point OpenStack clients at the cloud of "clinker up" with the
same --bind and --state-dir:

  eval "$(clinker env)"
  cinder create --name first 1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := pl.check(); err != nil {
				return err
			}
			endpoint := "http://" + net.JoinHostPort(pl.bind, "8776") + "/v3"
			out := cmd.OutOrStdout()
			for _, v := range [][2]string{
				{"OS_AUTH_TYPE", "noauth"}, {"CINDER_ENDPOINT", endpoint}, {"OS_VOLUME_API_VERSION", "3.70"},
				{"OS_ENDPOINT", endpoint}, {"OS_USER_ID", "admin"}, {"OS_PROJECT_ID", "admin"}, {"OS_TOKEN", "admin:admin"},
			} {
				fmt.Fprintf(out, "export %s=%s\n", v[0], shellQuote(v[1]))
			}
			return nil
		},
	}
	pl.flags(cmd)
	return cmd
}

// shellQuote makes text one word for a POSIX shell.
func shellQuote(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-+,@%") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
