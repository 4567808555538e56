//! The report as an SVG: a line for each scenario and a dot for each server, on a logarithmic
//! scale of its ratio to the baseline; further to the left is cheaper.

use std::fmt::Write;

use crate::report::{Cell, Line, Report};
use crate::scenarios::{Figure, Goal};
use crate::servers::BASELINE;

const WIDTH: f64 = 860.0;
const NAMES: f64 = 306.0;
const MARGIN: f64 = 24.0;
const ROW: f64 = 24.0;
const TOP: f64 = 96.0;
const LEGEND_STEP: f64 = 136.0;
const LEGEND_COLUMNS: usize = 6;
const SCALE: [f64; 7] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
const LEFT_END: f64 = 0.025;
const RIGHT_END: f64 = 45.0;
/// One for each server of the table, in its order.
const COLOURS: [&str; 8] = [
    "#0a7d4f", "#22b573", "#8bd3ae", "#d9822b", "#3f6fd8", "#9a4fc4", "#c2455e", "#7a6a4f",
];

/// The figures that are compared by ratio; a scenario is shown by the first of its own.
fn shown(line: &&Line) -> bool {
    let same = |figure: &Figure| figure.key == line.figure.key;
    line.scenario.figures.first().is_some_and(same) && line.figure.key != "per_s"
}

pub(crate) fn draw(report: &Report) -> String {
    let lines: Vec<_> = report.lines.iter().filter(shown).collect();
    let bottom = TOP + ROW * lines.len() as f64;
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"12\" role=\"img\">\n\
         <title>Cost per message relative to {BASELINE}</title>\n\
         <style>text {{ fill: #24292f }} .rule {{ stroke: #d0d7de }} .base {{ stroke: #57606a }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} \
         .rule {{ stroke: #30363d }} .base {{ stroke: #8b949e }} }}</style>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\" font-weight=\"600\">\
         Cost relative to {BASELINE} (left is cheaper; | marks Bellwire's target)</text>\n"
    );
    legend(&mut svg, report);
    for step in SCALE {
        let x = place(step);
        let class = if step == 1.0 { "base" } else { "rule" };
        add(
            &mut svg,
            format_args!(
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{step}</text>\n",
                TOP - 12.0,
                bottom + 18.0
            ),
        );
    }
    for (nth, line) in lines.iter().enumerate() {
        row(&mut svg, report, line, TOP + ROW * nth as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, report: &Report) {
    for (nth, server) in report.servers.iter().enumerate() {
        let x = MARGIN + 6.0 + LEGEND_STEP * (nth % LEGEND_COLUMNS) as f64;
        let y = 50.0 + 18.0 * (nth / LEGEND_COLUMNS) as f64;
        add(
            svg,
            format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>\n",
                colour(server.name),
                x + 10.0,
                y + 4.0,
                server.name
            ),
        );
    }
}

fn row(svg: &mut String, report: &Report, line: &Line, y: f64) {
    let what = match line.figure.key {
        "cpu_us" => String::new(),
        _ => format!(", {}", line.figure.unit),
    };
    add(
        svg,
        format_args!(
            "<text x=\"{MARGIN}\" y=\"{}\">{}{what}</text>\n",
            y + 4.0,
            line.scenario.title
        ),
    );
    if let Goal::Ratio(most) = line.figure.goal {
        let x = place(most);
        add(
            svg,
            format_args!(
                "<line class=\"base\" stroke-width=\"2\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" \
             y2=\"{}\"/>\n",
                y - 8.0,
                y + 8.0
            ),
        );
    }
    // Ours last: where dots meet, they stay visible.
    for (server, cell) in report.servers.iter().zip(&line.cells).rev() {
        let Cell::Median {
            value,
            ratio: Some(ratio),
        } = *cell
        else {
            continue;
        };
        add(
            svg,
            format_args!(
                "<circle cx=\"{:.1}\" cy=\"{y}\" r=\"5\" fill=\"{}\">\
             <title>{}: {value:.2} {} ({ratio:.2})</title></circle>\n",
                place(ratio),
                colour(server.name),
                server.name,
                line.figure.unit
            ),
        );
    }
}

/// Writing to a string does not fail.
fn add(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _infallible = svg.write_fmt(text);
}

fn place(ratio: f64) -> f64 {
    let share = (ratio / LEFT_END).ln() / (RIGHT_END / LEFT_END).ln();
    NAMES + (WIDTH - MARGIN - NAMES) * share.clamp(0.0, 1.0)
}

fn colour(server: &str) -> &'static str {
    let nth = crate::servers::SERVERS
        .iter()
        .position(|known| known.name == server);
    nth.and_then(|nth| COLOURS.get(nth))
        .copied()
        .unwrap_or("#888888")
}

#[cfg(test)]
mod tests {
    use super::{COLOURS, RIGHT_END, draw, place};
    use crate::report::tests::example;
    use crate::servers::SERVERS;

    #[test]
    fn every_server_has_a_dot_and_every_element_an_end() {
        let svg = draw(&example());
        assert_eq!(svg.matches("<title>").count(), 1 + 3, "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2 * 3);
        for element in ["svg", "style", "text", "title"] {
            let opened = svg.matches(&format!("<{element}")).count();
            assert_eq!(
                opened,
                svg.matches(&format!("</{element}>")).count(),
                "{element}"
            );
        }
        assert!(SERVERS.len() <= COLOURS.len());
    }

    #[test]
    fn cheaper_is_further_left() {
        assert!(place(0.2) < place(1.0) && place(1.0) < place(3.0));
        assert_eq!(place(1_000.0), place(RIGHT_END));
    }
}
