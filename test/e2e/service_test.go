package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/test/harness"
)

// operated is a service that an operator runs on a file of theirs.
type operated struct {
	dir, file, logFile, address string
	command                     *exec.Cmd
	ended                       chan error
}

// operate starts a service under its name on a file with these lines more, and waits until it says that it has started.
func operate(t *testing.T, name, address, more string, flags ...string) *operated {
	t.Helper()
	dir := t.TempDir()
	o := &operated{dir: dir, file: filepath.Join(dir, "cinder.conf"), logFile: filepath.Join(dir, "log"), address: address, ended: make(chan error, 1)}
	o.write(t, more)
	o.command = exec.Command(harness.Binary(t), append([]string{"--config-file", o.file}, flags...)...)
	o.command.Args[0] = name
	must(t, o.command.Start())
	go func() { o.ended <- o.command.Wait() }()
	t.Cleanup(func() { _ = o.command.Process.Kill() })
	o.says(t, "The service has started. service="+name)
	return o
}

func (o *operated) write(t *testing.T, more string) {
	t.Helper()
	must(t, os.WriteFile(o.file, []byte("[database]\nconnection = sqlite:///"+filepath.Join(o.dir, "c.sqlite")+"\n[file]\nvolume_driver = file\n"+
		"[DEFAULT]\ntransport_url = inproc://\nauth_strategy = noauth\nenabled_backends = file\nstate_path = "+o.dir+"\nmy_ip = "+o.address+
		"\nosapi_volume_listen = "+o.address+"\nlog_file = "+o.logFile+"\n"+more), 0o600))
}

// says waits for a line in the log.
func (o *operated) says(t *testing.T, what string) {
	t.Helper()
	harness.Eventually(t, "the log says "+what, func() (bool, string) {
		text, _ := os.ReadFile(o.logFile) // not there yet at first
		return strings.Contains(string(text), what), string(text)
	})
}

func (o *operated) signal(t *testing.T, s os.Signal) {
	t.Helper()
	must(t, o.command.Process.Signal(s))
}

// stop tells the service to stop and wants it to, with status 0.
func (o *operated) stop(t *testing.T) {
	t.Helper()
	o.signal(t, syscall.SIGTERM)
	select {
	case err := <-o.ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end within 20 seconds")
	}
}

// TestReload: SIGHUP takes over what can be, says what cannot, and a file that cannot be read changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	o := operate(t, "cinder-api", fmt.Sprintf("127.202.%d.1", os.Getpid()%250), "graceful_shutdown_timeout = 15\n")
	o.write(t, "debug = true\nosapi_max_limit = 7\n")
	must(t, os.Rename(o.logFile, o.logFile+".1"))
	o.signal(t, syscall.SIGHUP)
	o.says(t, "Options have changed that need a restart: [DEFAULT] graceful_shutdown_timeout, [DEFAULT] osapi_max_limit")
	o.says(t, "The configuration was reloaded.")
	o.write(t, "osapi_max_limit = many\n")
	o.signal(t, syscall.SIGHUP)
	o.says(t, "The configuration was not reloaded; what was in use stays in use.")
	o.says(t, "osapi_max_limit")
	o.stop(t)
	text, err := os.ReadFile(o.logFile)
	must(t, err)
	has(t, "the log after the rotation", string(text), " DEBUG ", "Stopping.")
}

// selfSigned makes a file of a certificate for an address and its key, and gives its text.
func selfSigned(t *testing.T, path, address string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	must(t, os.WriteFile(path, text, 0o600))
	return text
}

// TestServedOverTLS: a certificate in [ssl] is shown, links say https, and --debug on the command line counts.
func TestServedOverTLS(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.202.%d.2", os.Getpid()%250)
	file := filepath.Join(t.TempDir(), "server.pem")
	roots := x509.NewCertPool()
	text := selfSigned(t, file, address)
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	o := operate(t, "cinder-api", address, "osapi_volume_use_ssl = true\n[ssl]\ncert_file = "+file+"\n", "--debug")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + address + ":8776/")
	must(t, err)
	body := make([]byte, 4096)
	n, _ := response.Body.Read(body)
	must(t, response.Body.Close())
	has(t, "the versions", string(body[:n]), "https://"+address+":8776/v3/")
	o.says(t, " DEBUG ")
	o.stop(t)
}

// TestOperatorsCommands: cinder-manage and cinder-status on the database of a cloud that is in use.
func TestOperatorsCommands(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "0be", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	must(t, volumes.Delete(t.Context(), c, create(t, c, volumes.CreateOpts{Size: 2}).ID, nil).ExtractErr())
	file := filepath.Join(t.TempDir(), "cinder.conf")
	must(t, os.WriteFile(file, []byte("[DEFAULT]\ntransport_url = inproc://\n[database]\nconnection = sqlite:///"+filepath.Join(cloud.StateDir, "cinder.sqlite")+"\n"), 0o600))
	for line, want := range map[string][]string{
		"service list":          {"cinder-scheduler clinker", "cinder-volume    clinker@file", ":-)", "3.20", "1.39"},
		"host list":             {"clinker@file"},
		"db version":            {"9c74c1c6971f"},
		"db sync":               {""},
		"db purge 1":            {""},
		"quota check":           {"Processing quota usage for project 0be", "Action successfully completed"},
		"volume update_service": {""},
		"db online_data_migrations --max_count 5": {"| remove_temporary_admin_metadata_data_migration |"},
	} {
		stdout, stderr, status := clinker(t, "cinder-manage", append([]string{"--config-file", file}, strings.Fields(line)...)...)
		if status != 0 {
			t.Errorf("cinder-manage %s ends with %d\n%s%s", line, status, stdout, stderr)
		}
		has(t, line, stdout, want...)
	}
	for line, want := range map[string]int{"foo": 2, "db purge -1": 1, "service remove cinder-volume nobody": 2, "": 2, "volume delete " + v.ID: 1} {
		if stdout, stderr, status := clinker(t, "cinder-manage", append([]string{"--config-file", file}, strings.Fields(line)...)...); status != want {
			t.Errorf("cinder-manage %s ends with %d; want %d\n%s%s", line, status, want, stdout, stderr)
		}
	}
	stdout, stderr, status := clinker(t, "cinder-status", "--config-file", file, "upgrade", "check")
	if status != 0 && status != 2 { // 2: a volume may not have been placed yet
		t.Errorf("cinder-status ends with %d\n%s%s", status, stdout, stderr)
	}
	has(t, "cinder-status", stdout, "| Upgrade Check Results", "Check: Use of Nested Quota Driver")
	wantStatus(t, c, "after all the commands", v.ID, "available")
}

// TestDrain: what is under way when the process is told to stop is finished before it ends, or else in the journal.
func TestDrain(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "d4a1", latest)
	source := create(t, c, volumes.CreateOpts{Size: 1})
	file := ""
	must(t, filepath.WalkDir(cloud.StateDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.Contains(entry.Name(), source.ID) {
			file = path
		}
		if errors.Is(err, fs.ErrNotExist) { // gone since the directory was read
			return nil
		}
		return err
	}))
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	part := make([]byte, 1<<20)
	_, err = rand.Read(part)
	must(t, err)
	for i := range int64(256) { // what takes a moment to copy, where the file system does not share blocks
		_, err := f.WriteAt(part, i<<20)
		must(t, err)
	}
	must(t, f.Close())
	made, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, SourceVolID: source.ID}, nil).Extract()
	must(t, err)
	cloud.Stop(t)

	rows, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(cloud.StateDir, "cinder.sqlite"), AsIs: true})
	must(t, err)
	v, err := rows.Volume(t.Context(), made.ID, "")
	must(t, err)
	pending, err := rows.Flows(t.Context(), v.Host.Backend(), 0, 10)
	must(t, err)
	must(t, rows.Close())
	if finished := v.Status == block.VolumeAvailable; finished != (len(pending) == 0) {
		t.Errorf("the process has ended, the volume is %s, and the journal holds %v", v.Status, pending)
	}
	if v.Status != block.VolumeAvailable {
		t.Errorf("the copy was not finished within graceful_shutdown_timeout: %s", v.Status)
	}
	cloud.Run(t)
	wantStatus(t, c, "after the restart", made.ID, "available")
}
