//! One page of an answer: so many data points, series after series.

use jiff::Timestamp;

use super::super::refusal::Refusal;
use super::question::Question;

/// A page.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// One part for each query.
    pub(super) parts: Vec<Part<'a>>,
    /// Where it goes on.
    pub(super) next: Option<String>,
}

/// What a page has of one series.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) points: &'a [(Timestamp, u64)],
    pub(super) is_complete: bool,
}

/// Cuts the page that a question asks for. Its token says how many data points were told before.
pub(super) fn cut<'a>(
    question: &Question,
    series: &'a [Vec<(Timestamp, u64)>],
    most: usize,
) -> Result<Page<'a>, Refusal> {
    let most = question.most.map_or(most, |asked| asked.min(most));
    let told = match &question.token {
        None => 0,
        Some(token) => token
            .strip_prefix("after-")
            .and_then(|told| told.parse::<usize>().ok())
            .ok_or_else(|| Refusal::new("InvalidNextToken", "The next token specified is invalid."))?,
    };
    let (mut before, mut room) = (told, most);
    let mut parts = Vec::new();
    let mut left = 0;
    for points in series {
        let skipped = before.min(points.len());
        before -= skipped;
        let here = room.min(points.len() - skipped);
        room -= here;
        let end = skipped + here;
        left += points.len() - end;
        parts.push(Part { points: &points[skipped..end], is_complete: end == points.len() });
    }
    let next = (left > 0).then(|| format!("after-{}", told + most));
    Ok(Page { parts, next })
}
