package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// evidence reads the record of a release. Whether this person may have it is the Recorder's to say.
func (s *Server) evidence(ctx context.Context, v *visit) (any, error) {
	if s.opts.Recorder == nil {
		return nil, notFound("Nobody keeps evidence here.")
	}
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	document, err := s.opts.Recorder.Evidence(ctx, r.ID, v.person.user, v.param("version"))
	var no *RefusedError
	if errors.As(err, &no) {
		return nil, &problem{status: http.StatusForbidden, title: "The evidence is for developers", text: no.Text}
	}
	return document, err
}

// plainName is a version that may stand in a file's name.
var plainName = lazyregexp.New(`^[0-9A-Za-z][0-9A-Za-z.-]{0,99}$`)

// download answers with the evidence as a file, to somebody who is signed in.
func (s *Server) download(c echo.Context) error {
	ctx, err := s.loadSession(c.Request())
	if err != nil {
		return err
	}
	p, err := s.who(ctx, c.Request())
	if err != nil {
		return err
	}
	document, err := s.evidence(ctx, s.visit(c, p))
	if err != nil {
		return err
	}
	if version := c.Param("version"); plainName.MatchString(version) {
		c.Response().Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "evidence-"+version+".json"))
	}
	return s.writeJSON(c, http.StatusOK, document)
}
