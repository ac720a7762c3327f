//! JSON of other tools in, timings out.

use serde_json::Value;

use super::side::Timing;
use crate::eval::bootstrap::Interval;

/// Most single times of one benchmark.
const MAX_TIMES: usize = 1_000_000;

/// The timings of hyperfine's export, or of criterion's `sample.json` or `estimates.json`; `name` is
/// for those that say none.
///
/// hyperfine: `results`, each with `command`, `mean`, and mostly `times`; a time is a number of
/// seconds, or an object with `value` and `unit`.
///
/// # Errors
///
/// Why it is neither.
pub fn timings(name: &str, value: &Value) -> Result<Vec<(String, Timing)>, String> {
    if let Some(results) = value["results"].as_array() {
        return results.iter().map(hyperfine).collect();
    }
    if let (Some(iters), Some(times)) = (value["iters"].as_array(), value["times"].as_array()) {
        return Ok(vec![(name.to_owned(), sample(iters, times)?)]);
    }
    if value["mean"]["point_estimate"].is_number() {
        return Ok(vec![(name.to_owned(), estimate(value)?)]);
    }
    Err("is no run record, no result of eval, and nothing of criterion or hyperfine".to_owned())
}

fn hyperfine(result: &Value) -> Result<(String, Timing), String> {
    let command = result["command"].as_str().unwrap_or("command").to_owned();
    let times = result["times"]
        .as_array()
        .or_else(|| result["runs"].as_array());
    let timing = match times.filter(|times| !times.is_empty()) {
        Some(times) if times.len() > MAX_TIMES => {
            return Err(format!("more than {MAX_TIMES} times"));
        }
        Some(times) => Timing::Single(
            times
                .iter()
                .map(seconds)
                .collect::<Option<Vec<f64>>>()
                .ok_or("a time is no time above 0")?,
        ),
        None => {
            let mean = seconds(&result["mean"]).ok_or("a result has neither times nor a mean")?;
            Timing::Estimate(mean, None)
        }
    };
    Ok((command, timing))
}

/// A time above 0, in seconds.
fn seconds(value: &Value) -> Option<f64> {
    let (number, unit) = match value {
        Value::Object(fields) => {
            let unit = fields
                .get("unit")
                .and_then(Value::as_str)
                .unwrap_or("second");
            (fields.get("value")?.as_f64()?, unit)
        }
        value => (value.as_f64()?, "second"),
    };
    let factor = match unit {
        "second" | "seconds" | "s" => 1.0,
        "millisecond" | "milliseconds" | "ms" => 1e-3,
        "microsecond" | "microseconds" | "us" => 1e-6,
        _ => return None,
    };
    Some(number * factor).filter(|seconds| *seconds > 0.0)
}

/// Each sample is the time of several iterations, in nanoseconds.
fn sample(iters: &[Value], times: &[Value]) -> Result<Timing, String> {
    if iters.len() != times.len() || iters.is_empty() || iters.len() > MAX_TIMES {
        return Err("its samples are none, or too many, or not all timed".to_owned());
    }
    let each = iters.iter().zip(times).map(|(iters, time)| {
        let seconds = time.as_f64()? / iters.as_f64()? / 1e9;
        (seconds.is_finite() && seconds > 0.0).then_some(seconds)
    });
    let each: Option<Vec<f64>> = each.collect();
    Ok(Timing::Single(each.ok_or("a sample is no time above 0")?))
}

/// The estimate of one iteration, in nanoseconds: the slope where there is one, as criterion shows.
fn estimate(value: &Value) -> Result<Timing, String> {
    let of = match value["slope"].is_object() {
        true => &value["slope"],
        false => &value["mean"],
    };
    let number = |value: &Value| {
        let seconds = value.as_f64().map(|nanoseconds| nanoseconds / 1e9);
        seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0)
    };
    let seconds = number(&of["point_estimate"]).ok_or("its estimate is no time above 0")?;
    let ends = &of["confidence_interval"];
    let interval = number(&ends["lower_bound"]).zip(number(&ends["upper_bound"]));
    let interval = interval.filter(|(low, high)| low <= high);
    Ok(Timing::Estimate(
        seconds,
        interval.map(|(low, high)| Interval { low, high }),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(value: Value) -> Result<Timing, String> {
        timings("x", &value).map(|mut found| found.remove(0).1)
    }

    #[test]
    fn both_shapes_of_hyperfine_are_read() {
        let with = json!({"results": [{"command": "a", "mean": 2.0, "times": [1.0, 3.0]}]});
        assert_eq!(one(with), Ok(Timing::Single(vec![1.0, 3.0])));
        let without = json!({"results": [{"command": "a", "mean": 2.0, "stddev": 0.1}]});
        assert_eq!(one(without), Ok(Timing::Estimate(2.0, None)));
        let units = json!({"results": [{"times": [{"value": 5.0, "unit": "millisecond"}]}]});
        assert_eq!(one(units), Ok(Timing::Single(vec![0.005])));
    }

    #[test]
    fn criterion_is_read_from_samples_and_estimates() {
        let sample = json!({"sampling_mode": "Linear", "iters": [1.0, 2.0], "times": [5e8, 2e9]});
        assert_eq!(one(sample), Ok(Timing::Single(vec![0.5, 1.0])));
        let ends = json!({"confidence_level": 0.95, "lower_bound": 1e9, "upper_bound": 3e9});
        let estimate =
            json!({"mean": {"point_estimate": 2e9, "confidence_interval": ends}, "slope": null});
        let interval = Interval {
            low: 1.0,
            high: 3.0,
        };
        assert_eq!(one(estimate), Ok(Timing::Estimate(2.0, Some(interval))));
    }

    #[test]
    fn what_is_no_timing_is_refused() {
        for value in [
            json!(null),
            json!({}),
            json!({"results": [{}]}),
            json!({"results": [{"times": [0.0]}]}),
            json!({"results": [{"times": ["x"]}]}),
            json!({"iters": [], "times": []}),
            json!({"iters": [1], "times": [1, 2]}),
            json!({"iters": [0.0], "times": [1.0]}),
            json!({"mean": {"point_estimate": -1.0}}),
        ] {
            assert!(one(value.clone()).is_err(), "{value}");
        }
    }
}
