//! How two costs are compared: side by side, in turns, each against its two neighbours.

use crate::Result;

/// Something whose cost can be taken again and again.
pub(crate) trait Sample {
    /// Finds how many calls make a batch of the right length; 1 where a batch is one run.
    ///
    /// # Errors
    /// As [`Sample::take`].
    fn calibrate(&mut self) -> Result<u64> {
        Ok(1)
    }

    /// Makes so many calls and returns what one of them cost: nanoseconds, or bytes of memory.
    ///
    /// # Errors
    /// When the work could not be done, or not in the way that the row says.
    fn take(&mut self, calls: u64) -> Result<f64>;
}

/// How a cost is set against that of its neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Times the neighbours' cost.
    Ratio,
    /// Times the neighbours' speed, for work that is bounded by throughput.
    Speed,
    /// Milliseconds more than the neighbours' cost in nanoseconds.
    AddedMilliseconds,
    /// MiB more than the neighbours' cost in bytes.
    AddedMebibytes,
}

impl Compare {
    fn apply(self, cost: f64, neighbours: f64) -> f64 {
        match self {
            Compare::Ratio => cost / neighbours,
            Compare::Speed => neighbours / cost,
            Compare::AddedMilliseconds => (cost - neighbours) / 1e6,
            Compare::AddedMebibytes => (cost - neighbours) / f64::from(1 << 20),
        }
    }
}

/// What one round found; a round has fresh processes of its own.
pub(crate) struct Round {
    /// The median cost of the base.
    pub(crate) base: f64,
    /// The median comparison of the contestant.
    pub(crate) contestant: f64,
    /// The median comparison of the base with another instance of itself.
    pub(crate) itself: f64,
}

/// Takes `pairs` samples of the contestant and as many of the base's twin, each between two of the
/// base; `turn` rotates which of the two goes first.
///
/// # Errors
/// Those of the samples.
pub(crate) fn round(
    base: &mut dyn Sample,
    contestant: &mut dyn Sample,
    itself: &mut dyn Sample,
    compare: Compare,
    (calls, pairs, turn): (u64, usize, usize),
) -> Result<Round> {
    let mut costs = vec![base.take(calls)?];
    let mut compared = [Vec::new(), Vec::new()];
    for step in 0..2 * pairs {
        let which = (step + turn) % 2;
        let cost = if which == 0 { contestant.take(calls)? } else { itself.take(calls)? };
        let before = costs[costs.len() - 1];
        let after = base.take(calls)?;
        costs.push(after);
        compared[which].push(compare.apply(cost, f64::midpoint(before, after)));
    }
    let [mut contestant, mut itself] = compared;
    Ok(Round {
        base: median(&mut costs),
        contestant: median(&mut contestant),
        itself: median(&mut itself),
    })
}

/// A median with its range.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    /// The median of the rounds.
    pub(crate) median: f64,
    /// The smallest of the rounds.
    pub(crate) min: f64,
    /// The largest of the rounds.
    pub(crate) max: f64,
}

impl Summary {
    /// Sums up at least one value.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Summary {
        let mut values: Vec<f64> = values.collect();
        let median = median(&mut values);
        Summary { median, min: values[0], max: values[values.len() - 1] }
    }
}

/// Sorts the values, of which there is at least one, and returns the one in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}
