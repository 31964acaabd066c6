//! The integration tests: one binary, a module for each part of the fence.

// Builds the programs, lays out scratch trees and policies, runs fixtures.
mod harness;
// Every row that opens or looks: refused, its allowed twin, sibling, relative, by dirfd.
mod paths;
// The same places under other names: dots, links, /proc, dirfds; and the edges of what a path is.
mod resolve;
