// The instruction set that this file is compiled for, as the name of a namespace. What table_kernels.cpp includes must
// lie in it: a template compiled for a newer processor could else be picked by the linker for everyone.
#pragma once

#ifndef MANYHOT_LEVEL
#define MANYHOT_LEVEL baseline
#endif
