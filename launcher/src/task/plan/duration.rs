//! Durations as Kestra writes them: ISO 8601, of days and less.

use std::time::Duration;

/// `PT1H30M`, `P1DT0.5S`; a bare number is one of seconds.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let rest = text.strip_prefix(['P', 'p'])?;
    let (days, time) = match rest.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let days = sum(days, &[('D', 86_400.0)])?;
    let time = sum(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    Duration::try_from_secs_f64(days + time).ok()
}

/// The seconds of `1H30M`: numbers with their units, each at most once and in this order.
fn sum(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut units = units.iter();
    let mut total = 0.0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next()?.to_ascii_uppercase();
        let (_, seconds) = units.find(|(known, _)| *known == unit)?;
        let whole = number.parse::<f64>().ok()?;
        // Only seconds have fractions, as in java.time.
        if number.contains('.') && unit != 'S' {
            return None;
        }
        total += whole * seconds;
        text = &rest[1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_java_reads_them() {
        for (text, seconds) in [
            ("PT10S", 10.0),
            ("PT0.25S", 0.25),
            ("PT1H30M", 5400.0),
            ("P1DT2H3M4S", 93_784.0),
            ("P2D", 172_800.0),
            ("pt5m", 300.0),
            ("30", 30.0),
        ] {
            assert_eq!(parse(text), Duration::try_from_secs_f64(seconds).ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in [
            "", "P", "PT", "10s", "PT10", "PT1.5M", "PT5S3M", "PT-1S", "-1", "P1Y", "PTS",
            "PT1S1S", "NaN", "inf", "PT1é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
