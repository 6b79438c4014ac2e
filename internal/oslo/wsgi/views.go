package wsgi

import (
	"context"

	"github.com/clinker/clinker/internal/oslo/jsonview"
)

// Views are the fields that extensions add to the items of one answer.
type Views struct{ writers []FieldWriter }

// Views opens the view extensions of a collection for one answer; items is passed to them as it is. Call it once per
// answer, then Append once per item.
func (r *Request) Views(ctx context.Context, collection string, items any) (Views, error) {
	views := Views{writers: make([]FieldWriter, 0, len(r.api.views[collection]))}
	for _, extension := range r.api.views[collection] {
		if !extension.Versions.Contains(r.Version) {
			continue
		}
		writer, err := extension.Open(ctx, r, items)
		if err != nil {
			return Views{}, err
		}
		if writer != nil {
			views.writers = append(views.writers, writer)
		}
	}
	return views, nil
}

// Append adds the extensions' fields to the open object of item, a pointer to what the wing says.
func (v Views) Append(w *jsonview.Writer, item any) {
	for _, write := range v.writers {
		write(w, item)
	}
}
