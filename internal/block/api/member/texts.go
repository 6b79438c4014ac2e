package member

import (
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Texts reads an object of texts and nulls: a null is a nil. Anything else in it is Invalid, and so are keys of 0 or more
// than 255 characters and texts of more (cinder.utils.validate_dictionary_string_length); the texts of oslo.utils say so.
func Texts(o wsgi.Object) (map[string]*string, error) {
	texts := make(map[string]*string, len(o))
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if key == "" {
			return nil, block.InvalidInput(`Key "" has 0 characters, less than 1.`)
		}
		if n := len([]rune(key)); n > maxText {
			return nil, block.InvalidInput(`Key "%s" has %d characters, more than %d.`, key, n, maxText)
		}
		if o[key] == nil {
			texts[key] = nil
			continue
		}
		value, isText := o[key].(string)
		if !isText {
			return nil, block.InvalidInput(`Value for key "%s" is not a string or unicode`, key)
		}
		if n := len([]rune(value)); n > maxText {
			return nil, block.InvalidInput(`Value for key "%s" has %d characters, more than %d.`, key, n, maxText)
		}
		texts[key] = &value
	}
	return texts, nil
}

// maxText is how many characters a key or a value may have: the width of the columns.
const maxText = 255

// AppendTexts writes a member that is an object of texts and nulls, by key.
func AppendTexts(w *jsonview.Writer, name string, texts map[string]*string) {
	w.Key(name)
	w.Open()
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		w.Pointer(key, texts[key])
	}
	w.Close()
}
