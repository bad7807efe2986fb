#include "bench/bench_svg.h"

#include <math.h>
#include <string.h>

#define WIDTH  720.0
#define HEIGHT 330.0
#define LEFT   64.0
#define RIGHT  16.0
#define TOP    58.0
#define BOTTOM 56.0
#define PLOT_W (WIDTH - LEFT - RIGHT)
#define PLOT_H (HEIGHT - TOP - BOTTOM)
#define TICKS  5.0

struct scale {
    double low, high;
    bool is_log;
};

void bench_svg_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '&')
            fputs("&amp;", to);
        else if (*text == '"')
            fputs("&quot;", to);
        else
            fputc(*text, to);
    }
}

static double share_of(const struct scale *s, double value)
{
    if (s->is_log)
        return value <= s->low ? 0 : log(value / s->low) / log(s->high / s->low);
    return (value - s->low) / (s->high - s->low);
}

static double y_of(const struct scale *s, double value)
{
    return TOP + PLOT_H * (1 - share_of(s, value));
}

/* 1, 2 or 5 times a power of ten, about a fifth of the range. */
static double step_of(double range)
{
    double raw = range / TICKS, ten = pow(10, floor(log10(raw))), part = raw / ten;

    return ten * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

/* The largest and, above 0, smallest value: of stacks, their sums. */
static void find_range(const struct bench_svg_plot *plot, double *low, double *high)
{
    *low = INFINITY;
    *high = 0;
    for (unsigned i = 0; i < plot->n; i++) {
        double sum = 0;

        for (unsigned s = 0; s < plot->series_count; s++) {
            double value = plot->series[s].values[i];

            if (isnan(value))
                continue;
            sum = plot->is_stacked ? sum + value : value;
            *high = sum > *high ? sum : *high;
            if (value > 0 && value < *low)
                *low = value;
        }
    }
}

static struct scale make_scale(const struct bench_svg_plot *plot)
{
    struct scale s = {.is_log = plot->is_log};
    double low, high;

    find_range(plot, &low, &high);
    if (!(high > 0))
        return (struct scale){0, 1, false};
    if (s.is_log) {
        s.low = pow(10, floor(log10(low)));
        s.high = pow(10, ceil(log10(high)));
        if (s.high <= s.low)
            s.high = 10 * s.low;
    } else {
        s.high = step_of(high) * ceil(high / step_of(high));
    }
    return s;
}

static void put_grid_line(FILE *to, const struct scale *s, double value)
{
    double y = y_of(s, value);

    fprintf(to,
            "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
            "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
            LEFT, y, WIDTH - RIGHT, y, LEFT - 6, y + 4, value);
}

static void put_legend(FILE *to, const struct bench_svg_plot *plot)
{
    double x = LEFT;

    if (plot->series_count < 2)
        return;
    for (unsigned i = 0; i < plot->series_count; i++) {
        fprintf(to,
                "<rect class=\"c%u\" x=\"%.1f\" y=\"36\" width=\"10\" height=\"10\"/>"
                "<text class=\"tick\" x=\"%.1f\" y=\"45\">",
                i, x, x + 14);
        bench_svg_text(to, plot->series[i].name);
        fputs("</text>\n", to);
        x += 26 + 6.4 * (double)strlen(plot->series[i].name);
    }
}

static void put_frame(FILE *to, const struct bench_svg_plot *plot, const struct scale *s)
{
    fprintf(to,
            "<svg viewBox=\"0 0 %g %g\" role=\"img\">\n<text class=\"title\" x=\"%g\" y=\"20\">",
            WIDTH, HEIGHT, LEFT);
    bench_svg_text(to, plot->title);
    fprintf(to, "</text><text class=\"tick\" x=\"%g\" y=\"20\" text-anchor=\"end\">",
            WIDTH - RIGHT);
    bench_svg_text(to, plot->unit);
    fputs("</text>\n", to);
    put_legend(to, plot);
    if (s->is_log)
        for (double value = s->low; value <= s->high * 1.001; value *= 10)
            put_grid_line(to, s, value);
    else
        for (double value = 0; value <= s->high * 1.001; value += step_of(s->high))
            put_grid_line(to, s, value);
}

/* ---- bars ---- */

static void put_bar(FILE *to, unsigned colour, double x, double width, double y, double bottom,
                    double value)
{
    fprintf(to,
            "<rect class=\"c%u\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
            "<title>%.6g</title></rect>\n",
            colour, x, y, width, bottom - y, value);
}

static void put_group(FILE *to, const struct bench_svg_plot *plot, const struct scale *s,
                      unsigned i, double x, double width)
{
    double bar = plot->is_stacked ? width : width / plot->series_count, sum = 0;

    for (unsigned k = 0; k < plot->series_count; k++) {
        double value = plot->series[k].values[i];

        if (isnan(value))
            continue;
        if (plot->is_stacked) {
            put_bar(to, k, x, bar, y_of(s, sum + value), y_of(s, sum), value);
            sum += value;
        } else {
            put_bar(to, k, x + bar * k, bar * 0.92, y_of(s, value), TOP + PLOT_H, value);
            fprintf(to,
                    "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.3g"
                    "</text>\n",
                    x + bar * k + bar * 0.46, y_of(s, value) - 4, value);
        }
    }
    if (plot->is_stacked)
        fprintf(to,
                "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.3g</text>\n",
                x + width / 2, y_of(s, sum) - 4, sum);
}

void bench_svg_bars(FILE *to, const struct bench_svg_plot *plot)
{
    struct scale s = make_scale(plot);
    double slot = PLOT_W / (plot->n > 0 ? plot->n : 1);

    put_frame(to, plot, &s);
    for (unsigned i = 0; i < plot->n; i++) {
        double x = LEFT + slot * i + slot * 0.12;

        put_group(to, plot, &s, i, x, slot * 0.76);
        /* Two rows of labels, so that long ones do not run into each other. */
        fprintf(to, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                x + slot * 0.38, TOP + PLOT_H + 18 + (plot->n > 4 && i % 2 ? 16 : 0));
        bench_svg_text(to, plot->labels[i]);
        fputs("</text>\n", to);
    }
    fputs("</svg>\n", to);
}

/* ---- lines ---- */

static double x_of(const struct bench_svg_plot *plot, double x)
{
    double low = plot->x[0], high = plot->x[plot->n - 1];

    return high > low ? LEFT + PLOT_W * (0.04 + 0.92 * log(x / low) / log(high / low))
                      : LEFT + PLOT_W / 2;
}

static void put_line(FILE *to, const struct bench_svg_plot *plot, const struct scale *s, unsigned k)
{
    const struct bench_svg_series *series = &plot->series[k];

    fprintf(to, "<polyline class=\"l%u%s\" points=\"", k, series->is_dashed ? " dashed" : "");
    for (unsigned i = 0; i < plot->n; i++)
        if (!isnan(series->values[i]))
            fprintf(to, "%.1f,%.1f ", x_of(plot, plot->x[i]), y_of(s, series->values[i]));
    fputs("\"/>\n", to);
    for (unsigned i = 0; i < plot->n; i++)
        if (!isnan(series->values[i]))
            fprintf(to,
                    "<circle class=\"c%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%g: %.6g"
                    "</title></circle>\n",
                    k, x_of(plot, plot->x[i]), y_of(s, series->values[i]), plot->x[i],
                    series->values[i]);
}

void bench_svg_lines(FILE *to, const struct bench_svg_plot *plot)
{
    struct scale s = make_scale(plot);

    put_frame(to, plot, &s);
    for (unsigned k = 0; k < plot->series_count && plot->n > 0; k++)
        put_line(to, plot, &s, k);
    for (unsigned i = 0; i < plot->n; i++)
        fprintf(to, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>\n",
                x_of(plot, plot->x[i]), TOP + PLOT_H + 18, plot->x[i]);
    if (plot->x_title) {
        fprintf(to, "<text class=\"tick\" x=\"%g\" y=\"%g\" text-anchor=\"end\">", WIDTH - RIGHT,
                TOP + PLOT_H + 38);
        bench_svg_text(to, plot->x_title);
        fputs("</text>\n", to);
    }
    fputs("</svg>\n", to);
}
