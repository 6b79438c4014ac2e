package broker

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/clinker/clinker/internal/fault"
)

func TestCompression(t *testing.T) {
	text := []byte(strings.Repeat("a message ", 100))
	packed, err := compress(text)
	if err != nil {
		t.Fatal(err)
	}
	// "bzip2" by bzip2, of the text "hello\n".
	bz, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWcHAgOIAAAFBAAAQAkSgADDNAMNGKZcXckU4UJDBwIDi")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		body        []byte
		compression string
		want        string
	}{{text, "", string(text)}, {packed, contentZlib, string(text)}, {bz, contentBzip2, "hello\n"}} {
		got, err := decompress(tt.body, tt.compression, 1000)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %.20q, %v", tt.compression, got, err)
		}
	}
	for what, tt := range map[string]struct {
		body        []byte
		compression string
	}{
		"too long":          {make([]byte, 1001), ""},
		"too long unpacked": {bomb(t), contentZlib},
		"unknown":           {text, "application/x-lzma"},
		"no zlib":           {text, contentZlib},
		"no bzip2":          {text, contentBzip2},
		"cut short":         {packed[:len(packed)/2], contentZlib},
	} {
		if got, err := decompress(tt.body, tt.compression, 1000); err == nil {
			t.Errorf("%s became %.20q", what, got)
		}
	}
}

// bomb is little that becomes much.
func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(make([]byte, 500_000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1000 {
		t.Fatalf("it has %d bytes already", b.Len())
	}
	return b.Bytes()
}

func TestCountedNames(t *testing.T) {
	o := Options{HostName: "a/host", ProcessName: "cinder-volume", CounterDirectory: t.TempDir()}
	for n, want := range []string{"a/host:cinder-volume:1", "a/host:cinder-volume:2"} {
		if got, err := o.Unique(); err != nil || got != want {
			t.Errorf("name %d is %s, %v", n, got, err)
		}
	}
	file := filepath.Join(o.CounterDirectory, "a_host_cinder-volume_qmanager")
	for _, theirs := range []string{"1:77:5", "", "nonsense", "99999999999999999999:1:1"} { // of another process group, or of nobody
		if err := os.WriteFile(file, []byte(theirs), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := o.Unique(); err != nil || got != "a/host:cinder-volume:1" {
			t.Errorf("after %q: %s, %v", theirs, got, err)
		}
	}
	o.CounterDirectory = filepath.Join(o.CounterDirectory, "none")
	if _, err := o.Unique(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a directory: %v", err)
	}
	o.ProcessName = ""
	a, _ := o.Unique()
	if b, _ := o.Unique(); len(a) != 32 || a == b {
		t.Errorf("random names are %s and %s", a, b)
	}
}

func TestAdapt(t *testing.T) {
	for _, tt := range []struct {
		err                 error
		adapts              bool
		durable, autoDelete bool
	}{
		{&amqp.Error{Code: 406, Reason: "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"}, true, true, false},
		{&amqp.Error{Code: 406, Reason: "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange"}, true, false, true},
		{&amqp.Error{Code: 406, Reason: "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue"}, false, false, false},
		{&amqp.Error{Code: 403, Reason: "inequivalent arg 'durable'"}, false, false, false},
		{errors.New("inequivalent arg 'durable'"), false, false, false},
	} {
		var durable, autoDelete bool
		if got := adapt(tt.err, &durable, &autoDelete); got != tt.adapts || durable != tt.durable || autoDelete != tt.autoDelete {
			t.Errorf("%v: %v, durable %v, auto-delete %v", tt.err, got, durable, autoDelete)
		}
	}
}

func TestContradictions(t *testing.T) {
	for what, o := range map[string]Options{
		"quorum and mirrored":           {Quorum: true, MirroredQueues: true},
		"streams without quorum queues": {StreamFanout: true},
		"compression that is not sent":  {Compression: "bz2"},
		"login that is not known":       {Login: "RABBIT-CR-DEMO"},
	} {
		if err := o.Complete(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
