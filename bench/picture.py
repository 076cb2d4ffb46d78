"""Draws the results as an SVG: how far each row is over, or short of, its target."""

from html import escape

WIDTH, ROW, TOP, LABELS = 880, 26, 58, 430
FULL = 3.0  # Times the target, where a bar ends.
MET, SHORT, TEXT, QUIET = "#2f9e6e", "#c8553d", "#1f2933", "#8a94a0"


def text(x, y, words, colour=TEXT, anchor="start"):
    return (f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>')


def bar(number, line):
    y = TOP + number * ROW
    scale = (WIDTH - LABELS - 20) / FULL
    length = min(line["share"], FULL) * scale
    colour = MET if line["met"] else SHORT
    share = f"{line['share']:.2f} × the target"
    inside = length > 130
    return [text(LABELS - 10, y + 14, line["title"], anchor="end"),
            f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{ROW - 8}" rx="2" '
            f'fill="{colour}"/>',
            text(LABELS + (8 if inside else length + 8), y + 13, share,
                 "#ffffff" if inside else TEXT)]


def draw(content):
    lines = content["lines"]
    height = TOP + len(lines) * ROW + 20
    scale = (WIDTH - LABELS - 20) / FULL
    machine = content["machine"]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'font-family="system-ui, sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
             text(20, 24, "Waybill against its targets"),
             text(20, 42, f"{machine['cores']} cores, {machine['at'][:10]}, {machine['commit']}",
                  QUIET)]
    for number, line in enumerate(lines):
        parts += bar(number, line)
    at = LABELS + scale
    parts += [f'<line x1="{at:.1f}" y1="{TOP - 8}" x2="{at:.1f}" y2="{height - 16}" '
              f'stroke="{TEXT}" stroke-dasharray="3 3"/>',
              text(at, TOP - 12, "target", TEXT, "middle"), "</svg>"]
    return "\n".join(parts) + "\n"
