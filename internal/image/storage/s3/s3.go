// Package s3 keeps images as objects in one bucket of a service that speaks Amazon's S3, each under the image's id: glance_store's
// store of that name.
//
// What must not live here: anything about images but their ids and bytes.
package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/stream"
)

// Options say where the bucket is.
type Options struct {
	// Host is a name or an address with or without a port; https:// before it asks for TLS, and there is none without.
	Host string
	// Region is what requests are signed for; without it Host says, or it is us-east-1.
	Region               string
	AccessKey, SecretKey string
	Bucket               string
	CreateBucket         bool // when there is none
	// Addressing is where the bucket's name goes: "path", "virtual" (before the host's name), "auto".
	Addressing string
	// PartBytes is the size of the first parts of large objects, which are as many requests; at least MinPartBytes, 0 is 10 MiB.
	PartBytes int64
	// CAFile has the certificates of authorities, in PEM form, that vouch for Host; without it the system's do.
	CAFile string
}

// MinPartBytes is how small S3 lets a part be.
const MinPartBytes = 5 << 20

// S3 takes so many parts. As nobody says how long an image is before it is there, parts grow: they double after each growth of
// them, up to a size, which is what a Put has in memory. So an object can have 1 TiB when the first parts have 10 MiB.
const (
	maxParts         = 10_000
	growth           = 500
	maxPartBytes     = 128 << 20
	defaultPartBytes = 10 << 20
)

// The times things may take.
const (
	callTimeout    = time.Minute      // a request without data
	partTimeout    = 10 * time.Minute // one with a part
	stall          = time.Minute      // between two pieces of what comes back
	cleanupTimeout = 20 * time.Second
	attempts       = 4
	// abandoned is how old an upload in parts is when nobody can be at it any more.
	abandoned = 24 * time.Hour
)

// Store is a storage.Store of objects.
type Store struct {
	options Options
	core    *minio.Core
	base    string // of URLs
}

var _ storage.Store = (*Store)(nil)

// New makes a store, and asks nobody yet. What is wrong with the options is a fault.Invalid BadStoreConfiguration.
func New(o Options) (*Store, error) {
	o.PartBytes = cmp.Or(o.PartBytes, defaultPartBytes)
	host, secure := strings.CutPrefix(strings.TrimSuffix(o.Host, "/"), "https://")
	host = strings.TrimPrefix(host, "http://")
	invalid := func(cause error, text string, args ...any) (*Store, error) {
		return nil, fault.Wrap(cause, fault.Invalid, "BadStoreConfiguration", text, args...)
	}
	switch {
	case host == "" || o.AccessKey == "" || o.SecretKey == "":
		return invalid(nil, "A store in S3 needs a host, an access key and a secret key.")
	case o.PartBytes < MinPartBytes || o.PartBytes > maxPartBytes:
		return invalid(nil, "A part of an object in S3 has between %d and %d MiB.", MinPartBytes>>20, maxPartBytes>>20)
	}
	if err := s3utils.CheckValidBucketName(o.Bucket); err != nil {
		return invalid(err, "%q is no name of a bucket in S3.", o.Bucket)
	}
	lookup, ok := map[string]minio.BucketLookupType{"": minio.BucketLookupAuto, "auto": minio.BucketLookupAuto, "path": minio.BucketLookupPath,
		"virtual": minio.BucketLookupDNS}[o.Addressing]
	if !ok {
		return invalid(nil, "%q is no way to address a bucket; auto, virtual and path are.", o.Addressing)
	}
	transport, err := transport(secure, o.CAFile)
	if err != nil {
		return invalid(err, "The certificates in %s cannot be used.", o.CAFile)
	}
	core, err := minio.NewCore(host, &minio.Options{Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: secure, Transport: transport,
		Region: cmp.Or(o.Region, regionOf(host), "us-east-1"), BucketLookup: lookup, MaxRetries: attempts})
	if err != nil {
		return invalid(err, "%q is no host of S3.", o.Host)
	}
	scheme := "s3"
	if secure {
		scheme = "s3+https"
	}
	return &Store{options: o, core: core, base: scheme + "://" + host + "/" + o.Bucket + "/"}, nil
}

// transport is how requests go out: through a proxy that the environment names, if it names one.
func transport(secure bool, caFile string) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil || caFile == "" || !secure {
		return t, err
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in it")
	}
	return t, nil
}

var amazon = regexp.MustCompile(`^s3[.-]([a-z0-9-]+)\.amazonaws\.com(:\d+)?$`)

// regionOf is the region in a host's name, if it is one of Amazon's.
func regionOf(host string) string {
	if m := amazon.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}

// Type implements storage.Store.
func (s *Store) Type() string { return "s3" }

// Properties implements storage.Store.
func (s *Store) Properties() map[string]any {
	return map[string]any{"s3_store_large_object_size": s.options.PartBytes >> 20, "s3_store_large_object_chunk_size": s.options.PartBytes >> 20, "s3_store_thread_pools": 1}
}

// URL implements storage.Store. Unlike upstream's it does not have the keys to the bucket.
func (s *Store) URL(id string) string { return s.base + id }

// key is the object that a URL of this store means, with or without keys in it.
func (s *Store) key(location string) (string, bool) {
	u, err := url.Parse(location)
	if err != nil {
		return "", false
	}
	u.User = nil
	key, ours := strings.CutPrefix(u.String(), s.base)
	return key, ours && uuid.Validate(key) == nil
}

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, id string, r io.Reader) (location string, size int64, err error) {
	if uuid.Validate(id) != nil {
		return "", 0, fault.New(fault.Invalid, "", "%q is no name of an image's object.", id)
	}
	first := make([]byte, s.options.PartBytes)
	n, err := storage.Fill(r, first)
	switch {
	case err == io.EOF:
		size, err = int64(n), s.inBucket(ctx, func() error { return s.putWhole(ctx, id, first[:n]) })
	case err == nil:
		size, err = s.putParts(ctx, id, first, r)
	}
	if err != nil {
		return "", 0, err
	}
	return s.URL(id), size, nil
}

// inBucket does something again when there was no bucket, and one may be made.
func (s *Store) inBucket(ctx context.Context, do func() error) error {
	err := do()
	if !s.options.CreateBucket || code(err) != noBucket {
		return classify(err)
	}
	calling, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.core.MakeBucket(calling, s.options.Bucket, minio.MakeBucketOptions{})
	if err != nil && code(err) != "BucketAlreadyOwnedByYou" { // by another upload, just now
		return classify(err)
	}
	return classify(do())
}

func (s *Store) putWhole(ctx context.Context, id string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	_, err := s.core.PutObject(ctx, s.options.Bucket, id, bytes.NewReader(content), int64(len(content)), "", sum(content),
		minio.PutObjectOptions{DisableContentSha256: true, ContentType: octets})
	return err
}

const octets = "application/octet-stream"

// sum lets S3 see whether it got what was sent.
func sum(content []byte) string {
	hash := sha256.Sum256(content)
	return hex.EncodeToString(hash[:])
}

// putParts puts an object of many parts, the first of which has been read. What others read changes when all are there.
func (s *Store) putParts(ctx context.Context, id string, part []byte, r io.Reader) (size int64, err error) {
	var upload string
	err = s.inBucket(ctx, func() (err error) {
		calling, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		upload, err = s.core.NewMultipartUpload(calling, s.options.Bucket, id, minio.PutObjectOptions{ContentType: octets})
		return err
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			s.abort(ctx, id, upload) // what it leaves, Tidy finds
		}
	}()
	var done []minio.CompletePart
	for n, ended := len(part), false; n > 0; {
		one, err := s.putPart(ctx, id, upload, len(done)+1, part[:n])
		if err != nil {
			return 0, classify(err)
		}
		done, size = append(done, one), size+int64(n)
		if ended {
			break
		}
		if part = s.next(part, len(done)); part == nil {
			return 0, storage.Full(errors.New("there are as many parts as there can be"))
		}
		n, err = storage.Fill(r, part)
		if ended = err == io.EOF; err != nil && !ended {
			return 0, err
		}
	}
	calling, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = s.core.CompleteMultipartUpload(calling, s.options.Bucket, id, upload, done, minio.PutObjectOptions{})
	return size, classify(err)
}

// next is the room for the part after those that are done: the last one's if it is not to be larger, nil if there are enough.
func (s *Store) next(last []byte, done int) []byte {
	want := partBytes(s.options.PartBytes, done)
	switch {
	case done == maxParts:
		return nil
	case want == int64(len(last)):
		return last
	}
	return make([]byte, want)
}

// partBytes is the size of the part after so many.
func partBytes(first int64, done int) int64 { return min(first<<min(done/growth, 16), maxPartBytes) }

func (s *Store) putPart(ctx context.Context, id, upload string, number int, content []byte) (minio.CompletePart, error) {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	part, err := s.core.PutObjectPart(ctx, s.options.Bucket, id, upload, number, bytes.NewReader(content), int64(len(content)),
		minio.PutObjectPartOptions{Sha256Hex: sum(content), DisableContentSha256: true})
	return minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag}, err
}

func (s *Store) abort(ctx context.Context, id, upload string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	_ = s.core.AbortMultipartUpload(ctx, s.options.Bucket, id, upload)
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, location string, offset, length int64) (io.ReadCloser, error) {
	key, ours := s.key(location)
	if !ours {
		return nil, storage.NotFound(nil)
	}
	if length == 0 {
		return http.NoBody, nil
	}
	var o minio.GetObjectOptions
	if offset > 0 || length > 0 {
		last := int64(0) // of the object
		if length > 0 {
			last = offset + length - 1
		}
		if err := o.SetRange(offset, last); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "There are no %d bytes from %d on.", length, offset)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	began := time.AfterFunc(callTimeout, func() { cancel(stream.ErrStalled) })
	body, _, _, err := s.core.GetObject(ctx, s.options.Bucket, key, o)
	began.Stop()
	if err == nil {
		return stream.Watch(body, stall, cancel), nil
	}
	cause := context.Cause(ctx)
	cancel(nil)
	switch {
	case code(err) == "InvalidRange": // the object ends before
		return http.NoBody, nil
	case errors.Is(cause, stream.ErrStalled):
		return nil, storage.Unavailable(cause)
	}
	return nil, classify(err)
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, location string) error {
	key, ours := s.key(location)
	if !ours {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := classify(s.core.RemoveObject(ctx, s.options.Bucket, key, minio.RemoveObjectOptions{}))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Tidy implements storage.Store: it ends uploads of images that began more than a day ago, so that it does no harm to those of
// another service with the same bucket.
func (s *Store) Tidy(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for upload := range s.core.ListIncompleteUploads(ctx, s.options.Bucket, "", true) {
		if code(upload.Err) == noBucket {
			return nil
		}
		if upload.Err != nil {
			return classify(upload.Err)
		}
		if uuid.Validate(upload.Key) != nil || time.Since(upload.Initiated) < abandoned {
			continue
		}
		if err := s.core.AbortMultipartUpload(ctx, s.options.Bucket, upload.Key, upload.UploadID); err != nil {
			return classify(err)
		}
	}
	return nil
}

const noBucket = "NoSuchBucket"

// code is S3's name for what went wrong.
func code(err error) string { return minio.ToErrorResponse(err).Code }

// classify gives an error of S3 its meaning; nil stays nil.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, done := fault.Of(err); done || errors.Is(err, context.Canceled) {
		return err
	}
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case "NoSuchKey", noBucket, "NoSuchUpload":
		return storage.NotFound(err)
	case "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return storage.WriteDenied(err)
	case "EntityTooLarge", "QuotaExceeded", "XMinioStorageFull":
		return storage.Full(err)
	}
	if answer.StatusCode == http.StatusInsufficientStorage {
		return storage.Full(err)
	}
	return storage.Unavailable(err)
}
