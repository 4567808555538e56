//! The report as an SVG: a line for each scenario and a dot for each server, on a logarithmic
//! scale of its ratio to what it is held against; further to the left is cheaper. The floor, which
//! is not a usable server, is a ring.

use std::fmt::{Arguments, Write};

use crate::report::{Cell, Line, Part, Report};
use crate::scenarios::Field;
use crate::servers::{BASELINE, Role, SERVERS, ServerKind};

const WIDTH: f64 = 860.0;
const NAMES: f64 = 306.0;
const MARGIN: f64 = 24.0;
const ROW: f64 = 24.0;
const HEAD: f64 = 96.0;
const FOOT: f64 = 34.0;
const LEGEND_STEP: f64 = 165.0;
const LEGEND_COLUMNS: usize = 5;
const SCALE: [f64; 8] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
const LEFT_END: f64 = 0.004;
const RIGHT_END: f64 = 45.0;
/// One for each server of the table, in its order.
const COLOURS: [&str; 10] = [
    "#0a7d4f", "#8b949e", "#22b573", "#8bd3ae", "#d9822b", "#0a7d4f", "#3f6fd8", "#22b573",
    "#8bd3ae", "#9a4fc4",
];

/// The figures that are compared by ratio; a scenario is shown by the first of its own.
fn shown(line: &&Line) -> bool {
    let same = |figure: &crate::scenarios::Figure| figure.key == line.figure.key;
    line.scenario.figures.first().is_some_and(same) && line.figure.key != "per_s"
}

pub(crate) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut top = 0.0;
    for part in &report.parts {
        top = section(&mut body, part, top);
    }
    let height = top + 24.0;
    let mut svg = String::new();
    add(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" font-family=\"system-ui, sans-serif\" \
             font-size=\"12\" role=\"img\">\n\
             <title>What Bellwire costs beside its peers</title>\n\
             <style>text {{ fill: #24292f }} .rule {{ stroke: #d0d7de }} \
             .base {{ stroke: #57606a }} .small {{ font-size: 10px }} \
             @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} \
             .rule {{ stroke: #30363d }} .base {{ stroke: #8b949e }} }}</style>\n\
             {body}<text class=\"small\" x=\"{MARGIN}\" y=\"{}\">{}</text>\n</svg>\n",
            top + 8.0,
            escaped(&report.machine)
        ),
    );
    svg
}

/// Draws a part from `top` on; gives where the next begins.
fn section(svg: &mut String, part: &Part, top: f64) -> f64 {
    let title = match part.field {
        Field::Engine => format!("CPU time relative to {BASELINE}"),
        Field::Bindings => {
            "CPU time of the host's thread relative to socket.io / python-socketio".to_owned()
        }
    };
    add(
        svg,
        format_args!(
            "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"14\" font-weight=\"600\">{title} \
             (left is cheaper, | is a target)</text>\n",
            top + 24.0
        ),
    );
    let dots: Vec<_> = part
        .servers
        .iter()
        .map(|server| part.field == Field::Engine || matches!(server.role, Role::Binding(_)))
        .collect();
    legend(svg, part, &dots, top);
    let lines: Vec<_> = part.lines.iter().filter(shown).collect();
    let first = top + HEAD;
    let bottom = first + ROW * lines.len() as f64;
    for step in SCALE {
        let x = place(step);
        let class = if step == 1.0 { "base" } else { "rule" };
        add(
            svg,
            format_args!(
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{step}</text>\n",
                first - 12.0,
                bottom + 18.0
            ),
        );
    }
    for (nth, line) in lines.iter().enumerate() {
        row(svg, part, &dots, line, first + ROW * nth as f64);
    }
    bottom + FOOT
}

fn legend(svg: &mut String, part: &Part, dots: &[bool], top: f64) {
    let shown = part.servers.iter().zip(dots).filter(|(_, dot)| **dot);
    for (nth, (server, _)) in shown.enumerate() {
        let x = MARGIN + 6.0 + LEGEND_STEP * (nth % LEGEND_COLUMNS) as f64;
        let y = top + 46.0 + 16.0 * (nth / LEGEND_COLUMNS) as f64;
        add(
            svg,
            format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" {}/>\
                 <text x=\"{}\" y=\"{}\">{}</text>\n",
                mark(server),
                x + 10.0,
                y + 4.0,
                server.name
            ),
        );
    }
}

fn row(svg: &mut String, part: &Part, dots: &[bool], line: &Line, y: f64) {
    let what = match line.figure.key {
        "cpu_us" | "host_us" => String::new(),
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
    for server in &part.servers {
        let Some(most) = line.figure.goal.ratio_of(server.name) else {
            continue;
        };
        let colour = match part.field {
            Field::Engine => String::new(),
            Field::Bindings => format!(" style=\"stroke: {}\"", colour(server)),
        };
        add(
            svg,
            format_args!(
                "<line class=\"base\"{colour} stroke-width=\"2\" x1=\"{x:.1}\" x2=\"{x:.1}\" \
                 y1=\"{}\" y2=\"{}\"/>\n",
                y - 8.0,
                y + 8.0,
                x = place(most),
            ),
        );
    }
    // Ours last: where dots meet, they stay visible.
    for ((server, cell), dot) in part.servers.iter().zip(&line.cells).zip(dots).rev() {
        let Cell::Median {
            value,
            ratio: Some(ratio),
        } = *cell
        else {
            continue;
        };
        if !dot {
            continue;
        }
        add(
            svg,
            format_args!(
                "<circle cx=\"{:.1}\" cy=\"{y}\" {}>\
                 <title>{}: {value:.2} {} ({ratio:.3})</title></circle>\n",
                place(ratio),
                mark(server),
                server.name,
                line.figure.unit
            ),
        );
    }
}

/// Writing to a string does not fail.
fn add(svg: &mut String, text: Arguments<'_>) {
    let _infallible = svg.write_fmt(text);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn place(ratio: f64) -> f64 {
    let share = (ratio / LEFT_END).ln() / (RIGHT_END / LEFT_END).ln();
    NAMES + (WIDTH - MARGIN - NAMES) * share.clamp(0.0, 1.0)
}

/// Size and colour of a server's dot.
fn mark(server: &ServerKind) -> String {
    let colour = colour(server);
    match server.role {
        Role::Floor => {
            format!("r=\"4\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"")
        }
        _ => format!("r=\"5\" fill=\"{colour}\""),
    }
}

fn colour(server: &ServerKind) -> &'static str {
    let nth = SERVERS.iter().position(|known| known.name == server.name);
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
        // Four servers for the engine, one of them the floor, of the bindings one and not its
        // peer; the two threads stand in the table only.
        assert_eq!(svg.matches("<title>").count(), 1 + 4 + 1, "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2 * (4 + 1));
        assert_eq!(svg.matches("fill=\"none\"").count(), 2);
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
