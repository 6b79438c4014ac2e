package fake_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
)

func TestSuite(t *testing.T) {
	glancetest.Test(t, func(*testing.T) glancetest.Subject {
		f := fake.New()
		return glancetest.Subject{Service: f, Add: f.Add}
	})
}

func TestFailNext(t *testing.T) {
	f := fake.New()
	i := f.Add(glance.Image{}, []byte("x"))
	boom := errors.New("boom")
	f.FailNext("Image", boom)
	if _, err := f.Download(t.Context(), i.ID); err != nil {
		t.Errorf("another method failed: %v", err)
	}
	if _, err := f.Image(t.Context(), i.ID); !errors.Is(err, boom) {
		t.Errorf("the method did not fail: %v", err)
	}
	if _, err := f.Image(t.Context(), i.ID); err != nil {
		t.Errorf("it failed twice: %v", err)
	}
	f.SetHook(func(context.Context, fake.Call) error { return boom })
	if err := f.Delete(t.Context(), i.ID); !errors.Is(err, boom) || f.All()[i.ID] == nil {
		t.Errorf("a method that fails did something: %v", err)
	}
	want := []fake.Call{{Method: "Download", ID: i.ID}, {Method: "Image", ID: i.ID}, {Method: "Image", ID: i.ID}, {Method: "Delete", ID: i.ID}}
	if d := cmp.Diff(want, f.Calls()); d != "" {
		t.Error(d)
	}
}
