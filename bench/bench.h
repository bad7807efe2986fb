/* sluice-bench: one program, a table of subcommands, each in its own file (bench_<name>.c). */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* A subcommand. argv[0] is its name; returns the exit status: 0 measured, 1 failed, 2 wrong
 * arguments. Prints to standard output a table for people, or one JSON object with --json. */
typedef int (*bench_run_fn)(int argc, char **argv);

int bench_cmd_data(int argc, char **argv);     /* bench_cmd_data.c */
int bench_cmd_demux(int argc, char **argv);    /* bench_cmd_demux.c */
int bench_cmd_dtls(int argc, char **argv);     /* bench_cmd_dtls.c */
int bench_cmd_fanout(int argc, char **argv);   /* bench_cmd_fanout.c */
int bench_cmd_hear(int argc, char **argv);     /* bench_cmd_hear.c */
int bench_cmd_mix(int argc, char **argv);      /* bench_cmd_mix.c */
int bench_cmd_per(int argc, char **argv);      /* bench_cmd_per.c */
int bench_cmd_pipeline(int argc, char **argv); /* bench_cmd_pipeline.c */
int bench_cmd_relay(int argc, char **argv);    /* bench_cmd_relay.c */
int bench_cmd_report(int argc, char **argv);   /* bench_cmd_report.c */
int bench_cmd_scale(int argc, char **argv);    /* bench_cmd_scale.c */
int bench_cmd_srtp(int argc, char **argv);     /* bench_cmd_srtp.c */

#endif
