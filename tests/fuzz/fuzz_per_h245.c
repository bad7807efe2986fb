/* Any H.245 message. */
#include "signalling/schema/h245.h"

#define FUZZ_TYPE &h245_MultimediaSystemControlMessage_type
#include "tests/fuzz/per_fuzz.h"
