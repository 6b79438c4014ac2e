package rpcapi

import (
	"testing"

	"github.com/clinker/clinker/internal/fault"
)

func TestExceptionKinds(t *testing.T) {
	kinds := ExceptionKinds()
	for name, want := range map[string]fault.Kind{"VolumeIsBusy": fault.Busy, "VolumeTypeExists": fault.Conflict, "DriverNotInitialized": fault.Unavailable} {
		if kinds[name] != want {
			t.Errorf("%s is %v, want %v", name, kinds[name], want)
		}
	}
	for kind, class := range ExceptionClasses() {
		if k, ok := kinds[class]; ok && k != kind {
			t.Errorf("a fault of kind %v travels as %s, and that is of kind %v", kind, class, k)
		}
	}
}
