package patch_test

import (
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/patch"
	"github.com/clinker/clinker/internal/image/api/schemas"
	"github.com/clinker/clinker/internal/image/app/images"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

func validator(t testing.TB) patch.Validator {
	s, err := schemas.New([]string{"bare"}, []string{"raw"})
	if err != nil {
		t.Fatal(err)
	}
	return s.ValidateImage
}

func TestType(t *testing.T) {
	for text, ok := range map[string]bool{patch.Media20: true, patch.Media21 + "; charset=utf-8": true, "application/json": false, "": false, "application/json-patch+json": false} {
		if _, err := patch.Type(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTooManyOperations(t *testing.T) {
	list := make([]any, 1001)
	for n := range list {
		list[n] = map[string]any{"op": "remove", "path": "/x"}
	}
	if _, err := patch.Parse(patch.Media21, list, validator(t)); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if c, err := patch.Parse(patch.Media21, list[:1000], validator(t)); err != nil || len(c) != 1000 {
		t.Errorf("%d changes, %v", len(c), err)
	}
}

// FuzzParse: whatever a body says, it is refused in words, or gives changes that touch nothing that is not the client's.
func FuzzParse(f *testing.F) {
	for _, body := range []string{`[{"op": "add", "path": "/a~1b", "value": "x"}]`, `[{"replace": "/name", "value": null}]`, `[{"op": "remove", "path": "/locations/0"}]`,
		`[{"op": "add", "path": "/locations/-", "value": {"url": "u", "metadata": {}}}]`, `[{"op": "replace", "path": "/tags", "value": ["a"]}]`, `[{"op": "add", "path": "/~01", "value": "x"}]`,
		`[{"op": "replace", "path": "/min_disk", "value": 1}]`, `{}`, `[1]`, `[{"op": 1, "path": 2}]`} {
		f.Add(body, true)
		f.Add(body, false)
	}
	validate := validator(f)
	f.Fuzz(func(t *testing.T, text string, newest bool) {
		body, err := bodyschema.Decode([]byte(text))
		if err != nil {
			return
		}
		media := patch.Media20
		if newest {
			media = patch.Media21
		}
		changes, err := patch.Parse(media, body, validate)
		if err != nil {
			if _, isFault := fault.Of(err); !isFault {
				t.Errorf("%s: an error that is no fault: %v", text, err)
			}
			return
		}
		for _, c := range changes {
			switch {
			case c.Name == "", patch.ReadOnly(c.Name), image.Reserved(c.Name), len([]rune(c.Name)) > 255:
				t.Errorf("%s may change %q", text, c.Name)
			case c.Position != "" && c.Name != "locations", c.Operation == images.Remove && c.Value != nil:
				t.Errorf("%s gives %+v", text, c)
			case c.MustBeNew == newest:
				t.Errorf("%s of %s gives %+v", text, media, c)
			}
			if c.Operation != images.Remove && !strings.Contains("tags locations protected os_hidden min_disk min_ram", c.Name) {
				if _, isText := c.Value.(string); !isText && c.Value != nil {
					t.Errorf("%s gives the value %v", text, c.Value)
				}
			}
		}
	})
}
