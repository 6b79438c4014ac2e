// Package archtest holds the rules of the house: which package may see which, how big things may grow, what must be
// written down. They are tests; there is no other code here. ARCHITECTURE.md says what the rules are for.
//
// What must not live here: anything that another package could import.
package archtest
