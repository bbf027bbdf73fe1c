//! A strategy, parsed once into stops that are valid by construction: weights rise from 0 to 100.

use jiff::SignedDuration;
use weir_api::Duration;
use weir_api::traffic_shift::{Pause, Strategy};

/// The course of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    stops: Vec<Stop>,
}

/// A weight with what comes after it was seen to be live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The candidate's part, in percent.
    pub weight: i32,
    /// How long the run stays there.
    pub pause: StepPause,
}

/// How long a run stays at a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepPause {
    /// Not at all.
    None,
    /// For a time.
    For(SignedDuration),
    /// Until somebody says `resume` or `promote`.
    UntilTold,
}

impl StepPause {
    fn of(pause: &Pause) -> Self {
        pause.duration.map_or(Self::UntilTold, |duration| Self::For(duration.into()))
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::UntilTold, _) | (_, Self::UntilTold) => Self::UntilTold,
            (Self::None, pause) | (pause, Self::None) => pause,
            (Self::For(a), Self::For(b)) => Self::For(a.saturating_add(b)),
        }
    }
}

impl Plan {
    /// Parses a strategy; the error says what to write instead.
    pub fn parse(strategy: &Strategy) -> Result<Self, String> {
        let start = Stop { weight: 0, pause: StepPause::None };
        let stops = match (&strategy.steps, &strategy.linear, &strategy.all_at_once) {
            (Some(steps), None, None) => {
                let mut stops = vec![start];
                for step in steps {
                    if let Some(weight) = step.weight {
                        stops.push(Stop { weight, pause: StepPause::None });
                    }
                    if let (Some(pause), Some(stop)) = (&step.pause, stops.last_mut()) {
                        stop.pause = stop.pause.and(StepPause::of(pause));
                    }
                }
                stops
            }
            (None, Some(linear), None) => Self::linear(linear.step, linear.interval),
            (None, None, Some(_)) => vec![start, Stop { weight: 100, pause: StepPause::None }],
            _ => return Err("give exactly one of strategy.steps, strategy.linear and strategy.allAtOnce".to_owned()),
        };
        let rises = stops.windows(2).all(|pair| pair[0].weight < pair[1].weight);
        if !rises || stops.last().is_none_or(|stop| stop.weight != 100) {
            let weights: Vec<String> = stops.iter().skip(1).map(|stop| stop.weight.to_string()).collect();
            return Err(format!(
                "found the weights {}; expected weights that rise from step to step and end at 100, for example 5, 25, \
                 50, 100",
                weights.join(", ")
            ));
        }
        Ok(Self { stops })
    }

    fn linear(step: i32, interval: Duration) -> Vec<Stop> {
        let step = step.max(1);
        let rising = (0..).map(|index| step.saturating_mul(index)).take_while(|weight| *weight < 100);
        let pause = |weight| if weight == 0 { StepPause::None } else { StepPause::For(interval.into()) };
        let mut stops: Vec<Stop> = rising.map(|weight| Stop { weight, pause: pause(weight) }).collect();
        stops.push(Stop { weight: 100, pause: StepPause::None });
        stops
    }

    /// All stops, the one at 0 first.
    pub fn stops(&self) -> &[Stop] {
        &self.stops
    }

    /// How long the run stays at a weight; `None` where no stop has it, because the run took over from other weights or
    /// the strategy was changed in its middle.
    pub fn pause_at(&self, weight: i32) -> Option<StepPause> {
        self.stops.iter().find(|stop| stop.weight == weight).map(|stop| stop.pause)
    }

    /// The weight that follows; `None` at 100.
    pub fn after(&self, weight: i32) -> Option<i32> {
        self.stops.iter().map(|stop| stop.weight).find(|next| *next > weight)
    }

    /// How far a weight is on the way, for example `2/4`.
    pub fn progress(&self, weight: i32) -> String {
        let reached = self.stops.iter().filter(|stop| stop.weight > 0 && stop.weight <= weight).count();
        format!("{reached}/{}", self.stops.len() - 1)
    }
}

#[cfg(test)]
mod tests;
