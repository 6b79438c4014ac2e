// Package tempest runs OpenStack's own integration tests, Tempest, against "clinker up" with nothing else running.
//
// "make test-tempest" runs it: it needs root, for the chroot that test/lab/lab installs Tempest into, and many minutes;
// so "make test" leaves it out. What each test came to stands in testdata; one that fails has its reason there and in
// docs/divergences.md, and without one ours fails.
//
// What must not live here: assertions of our own about the product. Those are in test/e2e.
package tempest
