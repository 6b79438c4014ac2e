// Package clients runs the test suites of foreign clients, unmodified, against the real binary: gophercloud's acceptance
// tests, as they stand in the module that go.mod names.
//
// "make test-clients" runs it; "make test" leaves it out, because the suites take minutes. What each test of theirs came to
// is in testdata; one that fails has its reason in suites_test.go, and without a reason ours fails.
//
// What must not live here: assertions of our own about the product. Those are in test/e2e.
package clients
