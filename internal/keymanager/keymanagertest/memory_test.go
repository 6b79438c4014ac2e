package keymanagertest_test

import (
	"context"
	"testing"

	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
	"github.com/clinker/clinker/internal/reqctx"
)

func TestMemory(t *testing.T) {
	keymanagertest.Run(t, func(t *testing.T) (keymanager.Manager, func(string) context.Context) {
		return new(keymanagertest.Memory), func(project string) context.Context {
			return reqctx.With(t.Context(), reqctx.Request{ProjectID: project, UserID: keymanagertest.UserOf(project)})
		}
	})
}
