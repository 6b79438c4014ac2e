// Package commandline is what the command lines of all of Cinder's programs have in common: the flags of oslo.config and
// oslo.log, mistakes in a command line, and how a program ends that has said why.
//
// What must not live here: any one command.
package commandline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/clinker/clinker/internal/oslo/config"
)

// Release is the version that Cinder's commands tell: of the release whose command lines, tables and messages these are.
const Release = "26.0.0+clinker"

// Usage is a mistake in the command line, as opposed to something that went wrong.
type Usage struct{ error }

// Mistake makes one.
func Mistake(format string, args ...any) error { return Usage{fmt.Errorf(format, args...)} }

// Unwrap gives what is wrong.
func (u Usage) Unwrap() error { return u.error }

// Flags declares the flags with which an operator's program finds its configuration and changes parts of it. They count for
// the commands below cmd, too. Names may be written with underscores.
func Flags(cmd *cobra.Command, src *config.Sources) {
	flags := cmd.PersistentFlags()
	cmd.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	flags.StringArrayVar(&src.Files, "config-file", nil, "a configuration `file`; may be repeated. Without any, cinder.conf is looked for as Cinder does")
	flags.StringArrayVar(&src.Dirs, "config-dir", nil, "a `directory` of *.conf files, read after the files; may be repeated")
	set := func(name, option, fixed, help string) *pflag.Flag {
		f := flags.VarPF(&override{src: src, option: option, fixed: fixed}, name, "", help)
		if fixed != "" {
			f.NoOptDefVal = "true"
		}
		return f
	}
	set("debug", "debug", "true", "log what only developers want to know").Shorthand = "d"
	set("nodebug", "debug", "false", "do not")
	set("log-file", "log_file", "", "append log lines to this `file`")
	set("log-dir", "log_dir", "", "the `directory` of the log file")
	set("use-json", "use_json", "true", "log JSON")
	set("nouse-json", "use_json", "false", "do not")
	set("state-path", "state_path", "", "the `directory` for what is kept on this machine")
	for _, name := range []string{"log-config-append", "log-date-format", "syslog-log-facility"} {
		set(name, strings.ReplaceAll(name, "-", "_"), "", "is accepted and has no effect").Hidden = true
	}
	for _, name := range []string{"use-syslog", "use-journal", "watch-log-file"} {
		set(name, strings.ReplaceAll(name, "-", "_"), "true", "is accepted and has no effect").Hidden = true
		set("no"+name, strings.ReplaceAll(name, "-", "_"), "false", "is accepted and has no effect").Hidden = true
	}
}

// Program makes cmd one of Cinder's programs: it has Flags, and --version tells Release.
func Program(cmd *cobra.Command, src *config.Sources) {
	Flags(cmd, src)
	cmd.Version = Release
	cmd.SetVersionTemplate("{{.Version}}\n")
}

// Operators is the sources that were named, or where Cinder looks if none were.
func Operators(src config.Sources) config.Sources {
	if len(src.Files) == 0 && len(src.Dirs) == 0 {
		src.Files, src.Dirs = config.DefaultFiles("cinder", "cinder")
	}
	return src
}

// Find gives the path of a file or directory that a configuration names: what is not absolute is looked for beside the
// configuration, in its directories first, and, of an operator's, in /etc/cinder. What is nowhere stays as it is.
func Find(src config.Sources, name string) string {
	if filepath.IsAbs(name) || name == "" {
		return name
	}
	places := slices.Clone(src.Dirs)
	for _, file := range slices.Backward(src.Files) {
		places = append(places, filepath.Dir(file))
	}
	if len(src.Defaults) == 0 { // those of clinker up do not concern operators
		places = append(places, "/etc/cinder")
	}
	for _, place := range places {
		path := filepath.Join(place, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return name
}

// override is a flag that sets an option.
type override struct {
	src           *config.Sources
	option, fixed string
	text          string
}

// Set implements pflag.Value.
func (o *override) Set(text string) error {
	if o.fixed != "" {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		if text = o.fixed; !on { // --debug=false
			text = strconv.FormatBool(o.fixed != "true")
		}
	}
	if o.src.Overrides == nil {
		o.src.Overrides = map[string]string{}
	}
	o.text, o.src.Overrides[o.option] = text, text
	return nil
}

// String implements pflag.Value.
func (o *override) String() string { return o.text }

// Type implements pflag.Value.
func (o *override) Type() string {
	if o.fixed != "" {
		return "bool"
	}
	return "string"
}

// Positional lets a command take the arguments that are named, the last so many of which may be missing.
func Positional(optional int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if missing := len(names) - optional - len(args); missing > 0 {
			return Mistake("%s: the following arguments are required: %s", cmd.CommandPath(), strings.Join(names[len(args):len(names)-optional], ", "))
		}
		if len(args) > len(names) {
			return Mistake("%s: unrecognized arguments: %s", cmd.CommandPath(), strings.Join(args[len(names):], " "))
		}
		return nil
	}
}
