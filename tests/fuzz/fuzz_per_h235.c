/* Tokens of H.235, with key material. */
#include "signalling/schema/h235.h"

#define FUZZ_TYPE &h235_ClearToken_type
#include "tests/fuzz/per_fuzz.h"
