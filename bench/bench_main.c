#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    bench_run_fn run;
    const char *help;
};

/* A new benchmark is a new row. */
static const struct command commands[] = {
    {"data", bench_cmd_data, "data channels: SCTP over DTLS, beside SCTP alone; records relayed"},
    {"demux", bench_cmd_demux, "a worker alone: telling DTLS, RTP, RTCP, STUN and rubbish apart"},
    {"dtls", bench_cmd_dtls, "DTLS handshakes: rate, memory, time under loss by a virtual clock"},
    {"fanout", bench_cmd_fanout, "one stream to n receivers through a real sluice-dp"},
    {"hear", bench_cmd_hear, "which talkers are heard in a recording"},
    {"mix", bench_cmd_mix, "mixing of audio: ports that a core carries, by codec"},
    {"per", bench_cmd_per, "PER codec: decode and encode of realistic messages"},
    {"pipeline", bench_cmd_pipeline,
     "a worker of sluice-dp alone: nanoseconds a packet by path, suite and stage"},
    {"relay", bench_cmd_relay, "a real sluice-dp with one worker: rate, delay, overload"},
    {"report", bench_cmd_report, "all of them: one page with plots, one JSON file, comparisons"},
    {"scale", bench_cmd_scale, "workers on 1 ... n cores at once, and a prediction for more"},
    {"srtp", bench_cmd_srtp,
     "SRTP engines: protect and unprotect, mb against libsrtp and raw calls"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
    fprintf(to, "usage: sluice-bench COMMAND [--json] [OPTIONS]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\nsluice-bench COMMAND --help tells the options of one.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "sluice-bench: no command \"%s\"\n\n", argv[1]);
    print_usage(stderr);
    return 2;
}
