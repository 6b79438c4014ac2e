package imports

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// taskAccess is the rule for all calls about tasks but those of an image.
const taskAccess = "tasks_api_access"

// AuthorizeTasks refuses those who may not use the calls for tasks.
func (s *Service) AuthorizeTasks(ctx context.Context) error {
	return s.AuthorizeFor(ctx, taskAccess, nil)
}

// Task reads one.
func (s *Service) Task(ctx context.Context, id string) (*image.Task, error) {
	if err := s.AuthorizeTasks(ctx); err != nil {
		return nil, err
	}
	t, err := s.Store.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	if caller := reqctx.From(ctx); !caller.IsAdmin && t.Owner != caller.ProjectID {
		return nil, image.TaskNotFound(id)
	}
	return t, nil
}

// Tasks lists those that q chooses and the caller may see. next is the marker of the next page, empty when there is none.
func (s *Service) Tasks(ctx context.Context, q store.TaskQuery) (list []*image.Task, next string, err error) {
	if err := s.AuthorizeTasks(ctx); err != nil {
		return nil, "", err
	}
	if caller := reqctx.From(ctx); !caller.IsAdmin {
		q.Owner = caller.ProjectID
	}
	list, err = s.Store.Tasks(ctx, q)
	if fault.Is(err, fault.NotFound) { // the marker
		return nil, "", fault.New(fault.Invalid, "", "%s", fault.UserText(err))
	}
	if err != nil {
		return nil, "", err
	}
	if len(list) > 0 && len(list) == q.Page.Limit {
		next = list[len(list)-1].ID
	}
	return list, next, nil
}

// ImageTasks lists the tasks of an image that the caller sees, newest first.
func (s *Service) ImageTasks(ctx context.Context, id string) ([]*image.Task, error) {
	i, err := s.Image(ctx, id)
	if err == nil {
		err = s.Authorize(ctx, i, "get_image")
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) {
		return nil, fault.New(fault.NotFound, "", "The resource could not be found.")
	}
	if err != nil {
		return nil, err
	}
	return s.Store.Tasks(ctx, store.TaskQuery{ImageID: id, Page: store.Page{Limit: s.Options.LimitMax}})
}
