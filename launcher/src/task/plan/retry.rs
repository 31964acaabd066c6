//! `retry`: how often, how long, and how far apart.

use std::time::Duration;

use crate::run::refusal::Refusal;

use super::duration;
use super::fields::{Fields, wrong};

/// When a task that failed is started again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retry {
    spacing: Spacing,
    /// The most attempts in all, the first one included.
    attempts: Option<u32>,
    /// The longest time from the first start to the last one.
    duration: Option<Duration>,
}

/// How long to wait before the next attempt.
#[derive(Clone, Debug, PartialEq)]
enum Spacing {
    Constant(Duration),
    Exponential { first: Duration, most: Duration, factor: f64 },
    Random { least: Duration, most: Duration },
}

impl Retry {
    /// Reads `retry`.
    ///
    /// # Errors
    /// Where it is not one of Kestra's three, or would never end.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, Refusal> {
        let kind = fields.text("type")?.unwrap_or_default();
        let name = |key: &str| fields.name(key);
        let interval = |key: &str| {
            let text = fields.text(key)?;
            let text = text.ok_or_else(|| wrong(&name(key), "is missing"))?;
            duration::parse(&text)
                .ok_or_else(|| wrong(&name(key), &format!("is `{text}`, no duration as `PT10S`")))
        };
        let own: &[&str] = match kind.as_str() {
            "constant" => &["interval"],
            "exponential" => &["interval", "maxInterval", "delayFactor"],
            "random" => &["minInterval", "maxInterval"],
            _ => {
                let why = format!("is `{kind}`: it is one of constant, exponential, random");
                return Err(wrong(&name("type"), &why));
            }
        };
        let common =
            ["type", "maxAttempts", "maxAttempt", "maxDuration", "warningOnRetry", "behavior"];
        fields.only(&[own, &common].concat())?;
        if fields.text("behavior")?.is_some_and(|behavior| behavior != "RETRY_FAILED_TASK") {
            return Err(wrong(&name("behavior"), "asks for a new execution, which takes a server"));
        }
        let spacing = match kind.as_str() {
            "constant" => Spacing::Constant(interval("interval")?),
            "exponential" => Spacing::Exponential {
                first: interval("interval")?,
                most: interval("maxInterval")?,
                factor: factor(fields)?,
            },
            _ => {
                Spacing::Random { least: interval("minInterval")?, most: interval("maxInterval")? }
            }
        };
        let duration = match fields.get("maxDuration") {
            Some(_) => Some(interval("maxDuration")?),
            None => None,
        };
        let attempts = attempts(fields)?;
        if attempts.is_none() && duration.is_none() {
            return Err(wrong(&name("type"), "has no end")
                .help("give `maxAttempts` or `maxDuration`: a task that cannot succeed would be started for ever"));
        }
        if let Spacing::Random { least, most } = spacing
            && least > most
        {
            return Err(wrong(&name("minInterval"), "is longer than `maxInterval`"));
        }
        Ok(Self { spacing, attempts, duration })
    }

    /// How long to wait after so many attempts, the first of which began so long ago; `None` to
    /// give up. `chance` is between 0 and 1.
    pub(crate) fn next(&self, attempts: u32, since: Duration, chance: f64) -> Option<Duration> {
        if self.attempts.is_some_and(|most| attempts >= most) {
            return None;
        }
        let pause = match self.spacing {
            Spacing::Constant(interval) => interval,
            Spacing::Exponential { first, most, factor } => {
                let power = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
                let pause = first.as_secs_f64() * factor.powi(power);
                Duration::try_from_secs_f64(pause).map_or(most, |pause| pause.min(most))
            }
            Spacing::Random { least, most } => least + (most - least).mul_f64(chance),
        };
        self.duration.is_none_or(|most| since + pause <= most).then_some(pause)
    }
}

fn factor(fields: &Fields<'_>) -> Result<f64, Refusal> {
    let Some(text) = fields.text("delayFactor")? else { return Ok(2.0) };
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 1.0);
    factor.ok_or_else(|| wrong(&fields.name("delayFactor"), "is no number of 1 or more"))
}

/// `maxAttempts`, or its older name.
fn attempts(fields: &Fields<'_>) -> Result<Option<u32>, Refusal> {
    for key in ["maxAttempts", "maxAttempt"] {
        if let Some(text) = fields.text(key)? {
            let attempts = text.parse().ok().filter(|&attempts: &u32| attempts > 0);
            let wrong = || wrong(&fields.name(key), "is no number of 1 or more");
            return attempts.ok_or_else(wrong).map(Some);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::document::Document;
    use crate::read::span::Source;
    use crate::task::plan::expression::Known;

    fn retry(text: &str) -> Result<Retry, String> {
        let document = Document::read(&Source::new("retry", text)).expect("YAML");
        let node = document.value(document.roots[0]).expect("a value");
        let known = Known::default();
        let read = Retry::read(&Fields::new(node.map().expect("a map"), "retry", &known));
        read.map_err(|refusal| refusal.to_text())
    }

    fn pauses(text: &str, chance: f64) -> Vec<u64> {
        let retry = retry(text).expect("a retry");
        let mut since = Duration::ZERO;
        let mut pauses = Vec::new();
        while let Some(pause) = retry.next(u32::try_from(pauses.len()).unwrap() + 1, since, chance)
        {
            since += pause;
            pauses.push(pause.as_secs());
        }
        pauses
    }

    #[test]
    fn attempts_count_the_first_one() {
        assert_eq!(pauses("{type: constant, interval: PT5S, maxAttempts: 3}", 0.0), [5, 5]);
        assert_eq!(pauses("{type: constant, interval: PT5S, maxAttempt: 1}", 0.0), [0; 0]);
    }

    #[test]
    fn an_exponential_retry_grows_to_its_most() {
        let retry = "{type: exponential, interval: PT1S, maxInterval: PT10S, delayFactor: 3, maxAttempts: 5}";
        assert_eq!(pauses(retry, 0.0), [1, 3, 9, 10]);
        let doubled = "{type: exponential, interval: PT1S, maxInterval: PT1M, maxAttempts: 4}";
        assert_eq!(pauses(doubled, 0.0), [1, 2, 4]);
    }

    #[test]
    fn a_random_retry_stays_between_its_ends() {
        let retry = "{type: random, minInterval: PT2S, maxInterval: PT10S, maxAttempts: 2}";
        assert_eq!(pauses(retry, 0.0), [2]);
        assert_eq!(pauses(retry, 1.0), [10]);
        assert_eq!(pauses(retry, 0.5), [6]);
    }

    #[test]
    fn a_duration_ends_it_too() {
        assert_eq!(pauses("{type: constant, interval: PT4S, maxDuration: PT10S}", 0.0), [4, 4]);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (text, why) in [
            ("{type: constant, interval: PT5S}", "has no end"),
            ("{type: linear, interval: PT5S}", "is `linear`"),
            ("{type: constant, maxAttempts: 2}", "`retry.interval` is missing"),
            ("{type: constant, interval: soon, maxAttempts: 2}", "no duration"),
            ("{type: constant, interval: PT1S, maxAttempts: 0}", "no number of 1 or more"),
            ("{type: constant, interval: PT1S, maxAttempts: 2, x: 1}", "`retry.x`"),
            ("{type: random, minInterval: PT9S, maxInterval: PT1S, maxAttempts: 2}", "longer"),
            (
                "{type: constant, interval: PT1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}",
                "new execution",
            ),
        ] {
            let error = retry(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
