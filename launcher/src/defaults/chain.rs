//! Who injected a plugin, what that stands in, and so on outwards: so that a chain without end is
//! seen.

use super::Cycle;
use super::value::Origin;

/// Maps nest this deep; no flow is read that is deeper.
const MAX_DEPTH: usize = 128;

/// The entries that injected a map and those around it, or gave them their types, from the outside
/// in. A map of the flow's author is a link too, since depth counts.
#[derive(Debug, Default)]
pub(super) struct Chain(Vec<Origin>);

impl Chain {
    /// Goes into a map, or notes who gave it its type.
    ///
    /// # Errors
    /// The chain is longer than any flow that ends.
    pub(super) fn enter(&mut self, origin: Origin) -> Result<(), Cycle> {
        self.0.push(origin);
        // Two links a map.
        if self.0.len() > 2 * MAX_DEPTH { Err(self.cycle()) } else { Ok(()) }
    }

    /// Goes back to an earlier length.
    pub(super) fn leave(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether an entry has had a part in it in this round.
    pub(super) fn has(&self, entry: usize) -> bool {
        self.0.iter().any(|origin| origin.injector() == Some(entry))
    }

    /// The entries of the chain as the cycle that they make.
    pub(super) fn cycle(&self) -> Cycle {
        Cycle::new(&self.0.iter().filter_map(|origin| origin.entry()).collect::<Vec<_>>())
    }
}
