/* The files of the arena's page, which the engine serves. */
#ifndef ARENA_WEB_H
#define ARENA_WEB_H

#include "bellwire.h"

/* Reads the page from a folder (NULL: examples/arena) and passes it to the
 * server.  On failure, writes the reason to stderr and returns 0. */
int serve_page(bw_server server, const char *folder);

#endif
