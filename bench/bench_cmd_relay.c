/* sluice-bench relay: options, table and JSON around bench_relay.c. */
#include "base/err.h"
#include "bench/bench.h"
#include "bench/bench_machine.h"
#include "bench/bench_options.h"
#include "bench/bench_relay.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sluice-bench relay [--json] [--quick] [--calls N] [--bytes B] [--suite S] [--path P]\n"
    "                          [--seconds T] [--rate R [--overload]] [--alone] [--engine E]\n"
    "                          [--huge-pages]\n"
    "                          [--memory-mb M] [--sluice-dp FILE] [--worker-cpu C]\n"
    "                          [--generator-cpu C] [--other-suite S]\n"
    "                          [--interface I [--dp-interface I] [--dp-netns FILE]]\n"
    "                          [--legs FILE [--pid PID]]\n\n"
    "  --json             one JSON object instead of a table\n"
    "  --quick            few short trials: that it works, not how fast\n"
    "  --calls N          calls of two transports, media both ways (default 1000)\n"
    "  --bytes B          RTP packet with its header, before protection (default 172)\n"
    "  --suite S          AES128_CM_SHA1_80 (default), AES128_CM_SHA1_32, AEAD_AES_128_GCM,\n"
    "                     AEAD_AES_256_GCM\n"
    "  --path P           rtp-rtp, rtp-srtp, srtp-srtp (default)\n"
    "  --seconds T        of a trial (default 0.5)\n"
    "  --rate R           one trial at R packets a second instead of a search; --overload: then\n"
    "                     twice that for two seconds and half of it for one\n"
    "  --alone            neither the ceiling nor the SRTP engine alone\n"
    "  --engine E         SRTP engine of sluice-dp: auto (default), mb, libsrtp\n"
    "  --counters         print sluice-dp's counters at the end\n"
    "  --huge-pages       sluice-dp takes its memory from reserved huge pages\n"
    "  --memory-mb M      packets made ahead (default 2048; used as far as needed)\n"
    "  --sluice-dp FILE   the program (default: $SLUICE_DP, that of this build, PATH)\n"
    "  --worker-cpu C, --generator-cpu C   default: the last and the first that we may use\n"
    "  --other-suite S    of each call's second leg (default: the same)\n"
    "  --interface I      a network interface (veth) of ours instead of memif; sluice-dp has the\n"
    "                     other end, --dp-interface, in the network namespace --dp-netns\n"
    "  --legs FILE        another server whose calls are up already, told in FILE; --pid is its\n"
    "                     process (bench/peers/)\n\n"
    "Starts sluice-dp with one worker, sets calls up over the link, and searches the highest rate\n"
    "with loss below 0.1 % over memif, everything on this machine and without privileges.\n"
    "Packets are protected ahead into memory, each sent once; samples of what comes back are\n"
    "opened with libsrtp2 and compared.\n";

static bool set_number(struct bench_relay_options *o, int letter, const char *text)
{
    double value;

    switch (letter) {
    case 'n':
        if (!bench_read_number("relay", text, 1, BENCH_LOAD_LEGS_MAX / 2, &value))
            return false;
        o->lane.calls.calls = (uint32_t)value;
        return true;
    case 'b':
        if (!bench_read_number("relay", text, BENCH_LOAD_BYTES_MIN, BENCH_LOAD_BYTES_MAX, &value))
            return false;
        o->lane.bytes = (uint16_t)value;
        return true;
    case 'm':
        if (!bench_read_number("relay", text, 16, 65536, &value))
            return false;
        o->lane.memory_bytes = (size_t)value << 20;
        return true;
    case 'P':
        if (!bench_read_number("relay", text, 1, 1 << 30, &value))
            return false;
        o->lane.pid = (pid_t)value;
        return true;
    case 'r':
        return bench_read_number("relay", text, 100, 1e8, &o->rate);
    case 't':
        return bench_read_number("relay", text, 0.01, 30, &o->seconds);
    default:
        if (!bench_read_number("relay", text, 0, BENCH_CPUS_MAX - 1, &value))
            return false;
        *(letter == 'w' ? &o->lane.worker_cpu : &o->lane.generator_cpu) = (int)value;
        return true;
    }
}

static bool set_text(struct bench_relay_options *o, int letter, const char *text)
{
    const char **place = letter == 'e'   ? &o->lane.engine
                         : letter == 'd' ? &o->lane.program
                         : letter == 'i' ? &o->lane.interface
                         : letter == 'D' ? &o->lane.dp_interface
                         : letter == 'N' ? &o->lane.dp_netns
                                         : &o->lane.legs_file;

    *place = text;
    return true;
}

static bool set_option(struct bench_relay_options *o, int letter, const char *text)
{
    switch (letter) {
    case 'q':
        return o->lane.quick = true;
    case 'a':
        return o->alone = true;
    case 'O':
        return o->with_overload = true;
    case 'C':
        return o->lane.counters = true;
    case 'H':
        return o->lane.huge_pages = true;
    case 'p':
        return bench_read_path("relay", text, &o->lane.calls.path);
    case 's':
        return bench_read_suite("relay", text, &o->lane.calls.profile);
    case 'o':
        return bench_read_suite("relay", text, &o->lane.calls.other);
    case 'e':
    case 'd':
    case 'i':
    case 'D':
    case 'N':
    case 'l':
        return set_text(o, letter, text);
    case '?':
        return false;
    default:
        return set_number(o, letter, text);
    }
}

static const struct option option_table[] = {{"json", no_argument, NULL, 'j'},
                                             {"quick", no_argument, NULL, 'q'},
                                             {"calls", required_argument, NULL, 'n'},
                                             {"bytes", required_argument, NULL, 'b'},
                                             {"suite", required_argument, NULL, 's'},
                                             {"other-suite", required_argument, NULL, 'o'},
                                             {"path", required_argument, NULL, 'p'},
                                             {"seconds", required_argument, NULL, 't'},
                                             {"alone", no_argument, NULL, 'a'},
                                             {"engine", required_argument, NULL, 'e'},
                                             {"huge-pages", no_argument, NULL, 'H'},
                                             {"memory-mb", required_argument, NULL, 'm'},
                                             {"sluice-dp", required_argument, NULL, 'd'},
                                             {"worker-cpu", required_argument, NULL, 'w'},
                                             {"generator-cpu", required_argument, NULL, 'g'},
                                             {"interface", required_argument, NULL, 'i'},
                                             {"dp-interface", required_argument, NULL, 'D'},
                                             {"dp-netns", required_argument, NULL, 'N'},
                                             {"legs", required_argument, NULL, 'l'},
                                             {"rate", required_argument, NULL, 'r'},
                                             {"overload", no_argument, NULL, 'O'},
                                             {"counters", no_argument, NULL, 'C'},
                                             {"pid", required_argument, NULL, 'P'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static bool fits_together(const struct bench_relay_options *o)
{
    if (o->lane.legs_file ? o->lane.interface && !o->lane.dp_interface
                          : !o->lane.interface == !o->lane.dp_interface)
        return true;
    fprintf(stderr, "sluice-bench relay: --interface goes with --dp-interface or --legs\n");
    fputs(usage, stderr);
    return false;
}

/* 0: go on; otherwise the exit status plus 1. */
static int read_options(int argc, char **argv, struct bench_relay_options *o, bool *is_json)
{
    int letter;

    *o = (struct bench_relay_options){.lane = bench_lane_defaults(), .overload_seconds = 2};
    while ((letter = getopt_long(argc, argv, "h", option_table, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        if (letter == 'j')
            *is_json = true;
        else if (!set_option(o, letter, optarg)) {
            fputs(usage, stderr);
            return 3;
        }
    }
    if (o->seconds <= 0)
        o->seconds = o->lane.quick ? 0.05 : 0.5;
    return fits_together(o) ? 0 : 3;
}

/* ---- targets ---- */

/* Figures that a release should reach on the machine of reference; 0: none for this case. */
static double target_mpps(const struct bench_relay_options *o)
{
    if (o->lane.calls.path != BENCH_PIPELINE_SRTP_SRTP || o->lane.calls.calls != 1000 ||
        o->lane.bytes != 172)
        return 0;
    if (o->lane.calls.profile == SRTP_PROFILE_AES128_CM_SHA1_80)
        return 1.1;
    return o->lane.calls.profile == SRTP_PROFILE_AEAD_AES_128_GCM ? 1.8 : 0;
}

#define TARGET_COMPOSITE 0.75
#define TARGET_P99_US    100.0
#define TARGET_RECOVERY  100.0

static json_t *target(double value, double wanted, bool more_is_better)
{
    bool met = more_is_better ? value >= wanted : value >= 0 && value <= wanted;

    return json_pack("{s:f, s:f, s:f, s:b}", "value", value, "target", wanted, "ratio",
                     wanted > 0 ? value / wanted : 0, "met", met);
}

static json_t *make_targets(const struct bench_relay_options *o, const struct bench_relay_result *r)
{
    json_t *all = json_object();

    if (target_mpps(o) > 0)
        json_object_set_new(all, "mpps", target(r->mpps, target_mpps(o), true));
    if (r->composite_mpps > 0)
        json_object_set_new(all, "of_composite_limit",
                            target(r->mpps / r->composite_mpps, TARGET_COMPOSITE, true));
    json_object_set_new(all, "half_load_p99_us", target(r->half.p99, TARGET_P99_US, false));
    json_object_set_new(all, "recovery_ms",
                        target(r->overload.recovery_ms, TARGET_RECOVERY, false));
    return all;
}

/* ---- output ---- */

static json_t *delay_json(const struct bench_relay_delay *d)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "mpps", d->mpps, "loss", d->loss, "p50", d->p50,
                     "p99", d->p99, "p99_9", d->p999);
}

static void set_measured(json_t *root, const char *name, double value)
{
    json_object_set_new(root, name, value > 0 ? json_real(value) : json_null());
}

static void set_overload(json_t *root, const struct bench_relay_overload *v)
{
    json_object_set_new(root, "overload",
                        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "seconds", v->seconds,
                                  "offered_mpps", v->offered_mpps, "relayed_mpps", v->relayed_mpps,
                                  "after_mpps", v->after_mpps, "recovery_ms", v->recovery_ms,
                                  "loss_after", v->loss_after));
}

static void set_latency(json_t *root, const struct bench_relay_options *o,
                        const struct bench_relay_result *r)
{
    json_t *latency = json_object();

    if (o->rate > 0) {
        json_object_set_new(latency, "at_rate", delay_json(&r->half));
    } else {
        json_object_set_new(latency, "load_50", delay_json(&r->half));
        json_object_set_new(latency, "load_90", delay_json(&r->ninety));
    }
    json_object_set_new(root, "latency_us", latency);
}

static void set_conditions(json_t *root, const struct bench_relay_options *o,
                           const struct bench_relay_result *r)
{
    json_object_set_new(root, "generator",
                        json_pack("{s:s, s:b, s:i, s:i}", "protects", "ahead, into memory",
                                  "limited", (int)r->saturated.generator_limited, "cpu",
                                  (int)r->generator_cpu, "worker_cpu", (int)r->worker_cpu));
    json_object_set_new(root, "verified",
                        json_pack("{s:I, s:I, s:s}", "packets", (json_int_t)r->verdict.checked,
                                  "wrong", (json_int_t)r->verdict.wrong, "with", "libsrtp2"));
    json_object_set_new(root, "memory_bytes", json_integer((json_int_t)r->memory));
    json_object_set_new(root, "huge_pages", json_boolean(o->lane.huge_pages));
    json_object_set_new(root, "quick", json_boolean(o->lane.quick));
    json_object_set_new(root, "trials", json_integer(r->trials));
}

static void print_json(const struct bench_relay_options *o, const struct bench_relay_result *r)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:s, s:f, s:f, s:f, s:f}", "benchmark", "relay",
        "wire", o->lane.interface ? o->lane.interface : "memif", "path",
        bench_pipeline_path_to_str(o->lane.calls.path), "suite", bench_suite_name(&o->lane.calls),
        "calls", (int)o->lane.calls.calls, "bytes", (int)o->lane.bytes, "seconds", o->seconds,
        "engine", r->engine, "mpps", r->mpps, "loss", r->loss, "ns_per_packet",
        r->saturated.ns_per_packet, "busy", r->saturated.busy);

    set_measured(root, "saturated_mpps", r->saturated.mpps);
    set_measured(root, "ceiling_mpps", r->ceiling_mpps);
    set_measured(root, "crypto_only_mpps", r->crypto_only_mpps);
    set_measured(root, "composite_mpps", r->composite_mpps);
    set_latency(root, o, r);
    if (o->rate <= 0 || o->with_overload)
        set_overload(root, &r->overload);
    set_conditions(root, o, r);
    if (o->rate <= 0)
        json_object_set_new(root, "targets", make_targets(o, r));
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_delay(const char *name, const struct bench_relay_delay *d)
{
    printf("%-22s p50 %.1f us, p99 %.1f us, p99.9 %.1f us (%.3f Mpps, loss %.4f %%)\n", name,
           d->p50, d->p99, d->p999, d->mpps, 100 * d->loss);
}

static void print_overload(const struct bench_relay_overload *v)
{
    printf("%-22s %.2f Mpps offered for %.1f s, %.2f relayed; then %.2f: ", "overload",
           v->offered_mpps, v->seconds, v->relayed_mpps, v->after_mpps);
    if (v->recovery_ms < 0)
        printf("loss did not end\n");
    else
        printf("no loss after %.0f ms\n", v->recovery_ms);
}

static void print_text(const struct bench_relay_options *o, const struct bench_relay_result *r)
{
    printf("%s, %s, %u calls, %u bytes, one worker on CPU %u (%s)\n",
           bench_pipeline_path_to_str(o->lane.calls.path), bench_suite_name(&o->lane.calls),
           o->lane.calls.calls, o->lane.bytes, r->worker_cpu, r->engine);
    printf("%-22s %.3f Mpps (loss %.4f %%)\n", o->rate > 0 ? "at the rate" : "highest rate",
           r->mpps, 100 * r->loss);
    printf("%-22s %.1f ns a packet, %.3f Mpps%s\n", o->rate > 0 ? "worker" : "worker saturated",
           r->saturated.ns_per_packet, o->rate > 0 ? r->mpps : r->saturated.mpps,
           r->saturated.generator_limited ? " (the generator was the limit)" : "");
    if (r->composite_mpps > 0)
        printf("%-22s %.3f Mpps without cryptography, %.3f Mpps engine alone,\n%-22s %.3f Mpps "
               "together; reached %.2f of it (target %.2f)\n",
               "limits", r->ceiling_mpps, r->crypto_only_mpps, "", r->composite_mpps,
               r->mpps / r->composite_mpps, TARGET_COMPOSITE);
    print_delay(o->rate > 0 ? "delay" : "delay at 50 %", &r->half);
    if (o->rate <= 0)
        print_delay("delay at 90 %", &r->ninety);
    if (o->rate <= 0 || o->with_overload)
        print_overload(&r->overload);
    if (target_mpps(o) > 0)
        printf("%-22s %.2f of the target of %.1f Mpps\n", "ratio", r->mpps / target_mpps(o),
               target_mpps(o));
    printf("%-22s %llu packets with libsrtp2, %llu wrong\n", "verified",
           (unsigned long long)r->verdict.checked, (unsigned long long)r->verdict.wrong);
}

#define STEPS_SHOWN 5u

static void on_step(const char *text)
{
    static unsigned step;

    bench_progress(step < STEPS_SHOWN ? step : STEPS_SHOWN, STEPS_SHOWN, text);
    step++;
}

int bench_cmd_relay(int argc, char **argv)
{
    struct bench_relay_options o;
    struct bench_relay_result r;
    bool is_json = false;
    int rc = read_options(argc, argv, &o, &is_json);

    if (rc != 0)
        return rc - 1;
    bench_machine_catch_signals();
    rc = bench_relay_run(&o, on_step, &r);
    bench_progress(0, 0, "");
    if (rc == 0 || rc == ERR_AUTH)
        (is_json ? print_json : print_text)(&o, &r);
    if (rc == ERR_AUTH)
        fprintf(stderr, "sluice-bench relay: packets came back wrong\n");
    else if (rc != 0)
        fprintf(stderr, "sluice-bench relay: %s\n",
                bench_machine_interrupted() ? "interrupted" : err_to_str(rc));
    return rc == 0 ? 0 : 1;
}
