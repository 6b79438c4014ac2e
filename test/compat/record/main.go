// Command record plays the tour to a real Cinder and writes down its answers, for the comparison to compare ours with.
//
//	go run ./test/compat/record -reset test/compat/record/reset-lab [GROUP...]
//
// It needs an administrator's password, makes the projects and users of the tour in Keystone if they are not there, and
// wants the Cinder for itself: -reset is run before every play and must leave it empty, as it was when it was installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"

	"github.com/clinker/clinker/test/compat"
	"github.com/clinker/clinker/test/compat/tour"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(ctx context.Context) error {
	client := &http.Client{Timeout: 2 * time.Minute}
	k := keystone{client: client}
	cloud := &compat.Cloud{HTTP: client}
	flag.StringVar(&cloud.Root, "endpoint", "http://127.0.0.10:8776", "where Cinder is, without /v3")
	flag.StringVar(&k.url, "auth-url", "http://127.0.0.10:5000/v3", "where Keystone is")
	flag.StringVar(&k.password, "password", "lab", "the administrator's password, and that of the users to be made")
	flag.StringVar(&cloud.Host, "host", "lab", "the host option of that Cinder")
	flag.StringVar(&cloud.Backend, "backend", "lab@fake", "its back end; the pool must be called fake")
	of := flag.String("of", "Cinder 26.0.0 (2025.1)", "what is being recorded, for the head of the files")
	reset := flag.String("reset", "", "a program that empties the Cinder")
	out := flag.String("out", "test/compat/testdata/recordings", "the directory of recordings")
	flag.Parse()
	identities, err := k.identities(ctx)
	if err != nil {
		return fmt.Errorf("keystone: %w", err)
	}
	cloud.Identities = identities
	service, err := k.login(ctx, account{user: "cinder", project: "service"})
	if err != nil {
		return fmt.Errorf("keystone: %w", err)
	}
	cloud.ServiceToken = service.Token
	for _, g := range tour.All() {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), g.Name) {
			continue
		}
		began := time.Now()
		recording := compat.Recording{}
		for _, version := range g.Plays() {
			if *reset != "" {
				if text, err := exec.CommandContext(ctx, *reset).CombinedOutput(); err != nil {
					return fmt.Errorf("%s: %w: %s", *reset, err, text)
				}
			}
			taken, err := cloud.Play(ctx, g, version)
			if err != nil {
				return err
			}
			for _, t := range taken {
				if t.Missed != "" {
					fmt.Printf("%s, %q at %s was not sent: %s\n", g.Name, t.Step.Name, t.Version, t.Missed)
				}
				if t.Late != "" {
					fmt.Printf("%s, %q at %s %s\n", g.Name, t.Step.Name, t.Version, t.Late)
				}
			}
			recording.Add(taken)
		}
		if err := os.WriteFile(compat.File(*out, g.Name), []byte(recording.Text(g, *of)), 0o644); err != nil {
			return err
		}
		fmt.Printf("%-24s %4d steps %6.1fs\n", g.Name, len(recording), time.Since(began).Seconds())
	}
	return nil
}
