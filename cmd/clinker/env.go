package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/identityservice"
)

func envCommand() *cobra.Command {
	var pl place
	var user string
	var noauth bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the shell lines that point a client at a running \"clinker up\"",
		Long: `Print the shell lines that let OpenStack clients log in to the cloud of "clinker up" with
the same --bind and --state-dir:

  eval "$(clinker env)"
  openstack volume create --size 1 first

Instead of these lines, clients can be given the name of a cloud that OS_CLIENT_CONFIG_FILE
describes, in a shell without the other variables: openstack --os-cloud clinker, or
clinker-demo, or clinker-system.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := pl.check(); err != nil {
				return err
			}
			variables := withoutAuthentication(pl)
			if !noauth {
				var err error
				url := "http://" + net.JoinHostPort(pl.bind, identityPort) + "/v3"
				if variables, err = identityservice.Environment(pl.stateDir, url, user); err != nil {
					return err
				}
			}
			for _, v := range variables {
				fmt.Fprintf(cmd.OutOrStdout(), "export %s=%s\n", v[0], shellQuote(v[1]))
			}
			return nil
		},
	}
	pl.flags(cmd)
	cmd.Flags().StringVar(&user, "user", "admin", "the `name` of one of the users the cloud was made with: admin, demo, or a service's")
	cmd.Flags().BoolVar(&noauth, "noauth", false, "for a cloud with auth_strategy = noauth, where everybody is who they say they are")
	return cmd
}

// withoutAuthentication is the environment of a client that says who it is.
func withoutAuthentication(pl place) [][2]string {
	endpoint := "http://" + net.JoinHostPort(pl.bind, "8776") + "/v3"
	return [][2]string{{"OS_AUTH_TYPE", "noauth"}, {"CINDER_ENDPOINT", endpoint}, {"OS_VOLUME_API_VERSION", "3.70"},
		{"OS_ENDPOINT", endpoint}, {"OS_USER_ID", "admin"}, {"OS_PROJECT_ID", "admin"}, {"OS_TOKEN", "admin:admin"}}
}

// shellQuote makes text one word for a POSIX shell.
func shellQuote(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-+,@%") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
