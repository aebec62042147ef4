//! How many entries there were when, outlet by outlet: a picture that is drawn here, and leads to each stretch of it.
//!
//! The bars are drawn by `plotters`, which knows no classes: each outlet's colour is a number that the style sheet replaces,
//! so that the picture follows dark and light like all else.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use plotters::prelude::*;

use crate::store::{Extent, Tally};

/// Most bars: more would be too thin to tell apart on a phone.
const BARS: i64 = 300;
/// Widths of a bar, and of what one click leads to, in minutes.
const WIDTHS: [(i64, i64); 8] =
    [(10, 60), (30, 180), (60, 360), (180, 1440), (360, 1440), (1440, 10_080), (10_080, 40_320), (40_320, 40_320)];
/// What is shown of a whole store that holds more, unless a time is asked for.
pub(super) const RECENT: TimeDelta = TimeDelta::days(7);
/// Size of the picture that is stretched to the page: of a bar in width, and of all in height.
const BAR: u32 = 20;
const HEIGHT: u32 = 400;
/// Between two ticks, in minutes; and the most of them.
const TICKS: [i64; 10] = [10, 30, 60, 180, 360, 720, 1440, 2880, 10_080, 43_200];
const MOST_TICKS: i64 = 12;

/// Between which instants the chart goes, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Minutes of one bar.
    pub bar: i64,
    /// Minutes that one click leads to.
    pub zone: i64,
}

impl Plan {
    /// For what lies in `extent` between the instants asked for; none where nothing does.
    pub fn new(extent: Extent, since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Option<Plan> {
        let last = extent.last + TimeDelta::seconds(1);
        let from = since.map_or(extent.first, |since| since.max(extent.first));
        let until = until.map_or(last, |until| until.min(last));
        if from >= until {
            return None;
        }
        let span = (until - from).num_minutes();
        let widest = WIDTHS[WIDTHS.len() - 1];
        let (bar, zone) = WIDTHS.into_iter().find(|(bar, _)| span / bar < BARS).unwrap_or(widest);
        // Near enough, each bar is a link of its own.
        let zone = if span <= zone * 2 { bar } else { zone };
        let (from, until) = (floor(from, zone), floor(until - TimeDelta::seconds(1), zone) + TimeDelta::minutes(zone));
        // More bars than there are pixels would be drawn for a stretch of centuries.
        ((until - from).num_minutes() / bar <= BARS * 4).then_some(Plan { from, until, bar, zone })
    }

    /// From when to when, as short as it can be said.
    pub fn span(&self) -> String {
        let end = if self.from.date_naive() == self.until.date_naive() { "%H:%M UTC" } else { "%-d %B %Y, %H:%M UTC" };
        let begin = match (self.from.year() == self.until.year(), self.from.date_naive() == self.until.date_naive()) {
            (true, false) => "%-d %B, %H:%M",
            _ => "%-d %B %Y, %H:%M",
        };
        format!("{} – {}", self.from.format(begin), self.until.format(end))
    }

    pub fn width(&self) -> TimeDelta {
        TimeDelta::minutes(self.bar)
    }

    /// What one bar counts, in words.
    pub fn told(&self) -> &'static str {
        match self.bar {
            10 => "ten minutes",
            30 => "half-hour",
            60 => "hour",
            180 => "three hours",
            360 => "six hours",
            1440 => "day",
            10_080 => "week",
            _ => "four weeks",
        }
    }

    /// The beginning and the end of all that one click leads to.
    pub fn zones(&self) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + use<> {
        let (until, zone) = (self.until, TimeDelta::minutes(self.zone));
        let first = self.from;
        std::iter::successors(Some(first), move |from| Some(*from + zone).filter(|from| *from < until))
            .map(move |from| (from, from + zone))
    }

    /// What stands under the chart: where, and what; every other one goes where there is little room.
    pub fn ticks(&self) -> Vec<(String, String)> {
        let span = (self.until - self.from).num_minutes();
        let step = TICKS.into_iter().find(|step| span / step <= MOST_TICKS).unwrap_or(span.max(1));
        let format = if step < 1440 { "%H:%M" } else { "%-d %b" };
        let first = floor(self.from, step);
        let all = std::iter::successors(Some(first), |at| Some(*at + TimeDelta::minutes(step)));
        let shown = all.take_while(|at| *at < self.until).filter(|at| *at > self.from);
        shown
            .filter(|at| (0.03..0.97).contains(&self.share(*at)))
            .map(|at| {
                let day = step < 1440 && at.timestamp() % 86_400 == 0;
                (self.percent(at), at.format(if day { "%-d %b" } else { format }).to_string())
            })
            .collect()
    }

    fn share(&self, at: DateTime<Utc>) -> f64 {
        (at - self.from).num_seconds() as f64 / (self.until - self.from).num_seconds().max(1) as f64
    }

    /// How far `at` is from the left.
    pub fn percent(&self, at: DateTime<Utc>) -> String {
        format!("{:.3}%", self.share(at) * 100.0)
    }
}

/// The last full step before `at`, counted from midnight in UTC.
fn floor(at: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    let step = minutes * 60;
    DateTime::from_timestamp(at.timestamp().div_euclid(step) * step, 0).unwrap_or(at)
}

/// The bars of `tally`, outlets one upon the other in the order of their colours, as the inside of an `<svg>` of the size that
/// is returned with it; and the highest number.
pub(super) fn bars(plan: &Plan, tally: &Tally, colours: &BTreeMap<String, usize>) -> Result<Drawn, String> {
    let count = u32::try_from((plan.until - plan.from).num_minutes() / plan.bar).unwrap_or(1).max(1);
    let mut sums: BTreeMap<i64, u32> = BTreeMap::new();
    let mut blocks = Vec::new();
    for (slug, counts) in &tally.outlets {
        let colour = colours.get(slug).copied().unwrap_or_default();
        for (begin, entries) in counts {
            let nth = (*begin - plan.from).num_minutes().div_euclid(plan.bar);
            if nth < 0 || nth >= i64::from(count) {
                continue;
            }
            let sum = sums.entry(nth).or_default();
            blocks.push((nth as f64, f64::from(*sum), f64::from(*sum + entries), colour));
            *sum += entries;
        }
    }
    let most = sums.values().copied().max().unwrap_or_default();
    let size = (count * BAR, HEIGHT);
    let mut svg = String::new();
    draw(&mut svg, size, f64::from(count), f64::from(most.max(1)), &blocks).map_err(|error| error.to_string())?;
    let inside = svg.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map(|(inside, _)| inside.to_owned());
    Ok(Drawn { inside: inside.unwrap_or_default(), size, most })
}

/// See [`bars`].
pub(super) struct Drawn {
    pub inside: String,
    pub size: (u32, u32),
    pub most: u32,
}

fn draw(
    svg: &mut String,
    size: (u32, u32),
    count: f64,
    most: f64,
    blocks: &[(f64, f64, f64, usize)],
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0.0..count, 0.0..most * 1.04)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_axes()
        .y_labels(4)
        .bold_line_style(RGBColor(2, 0, 0))
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart.draw_series(blocks.iter().map(|(nth, low, high, colour)| {
        let colour = RGBColor(1, 0, u8::try_from(*colour).unwrap_or_default());
        Rectangle::new([(nth + 0.08, *low), (nth + 0.92, *high)], colour.filled())
    }))?;
    root.present()?;
    Ok(())
}
