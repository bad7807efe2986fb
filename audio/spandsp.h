/* The parts of spandsp that we use, without its 60 other headers and without its warnings. */
#ifndef AUDIO_SPANDSP_H
#define AUDIO_SPANDSP_H

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <spandsp/telephony.h>

#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <spandsp/g722.h>
#include <spandsp/plc.h>

#include <spandsp/private/g722.h>
#pragma GCC diagnostic pop

#endif
