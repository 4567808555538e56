/* dlopen and dlclose: the library stays loaded, because its threads may still run.
 * This program is not linked with the library, so it does not use test.c. */
#include "bellwire.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *library, *again;
static void *symbol(void *from, const char *name) {
  void *found = dlsym(from, name);
  if (!found) {
    fprintf(stderr, "no %s: %s\n", name, dlerror());
    exit(1);
  }
  return found;
}
#define LOOK_UP(from, name)                                                                                  \
  union {                                                                                                    \
    void *object;                                                                                            \
    __typeof__(&name) call;                                                                                  \
  } name##_ = {symbol(from, #name)}

static int start(void *from, bw_server *server) {
  LOOK_UP(from, bw_config_new_checked);
  LOOK_UP(from, bw_config_free);
  LOOK_UP(from, bw_server_new);
  LOOK_UP(from, bw_server_listen_tcp);
  bw_config *config = bw_config_new_checked_.call(BW_ABI_VERSION, BW_VERSION_NUMBER);
  uint16_t port = 0;
  if (!config || bw_server_new_.call(config, server) != BW_OK) return 0;
  bw_config_free_.call(&config);
  return bw_server_listen_tcp_.call(*server, BW_S("127.0.0.1"), 0, &port) == BW_OK && port != 0;
}

int main(void) {
  const char *path = getenv("BELLWIRE_LIBRARY");
  bw_server first = 0, second = 0;
  alarm(60);
  printf("started, unloaded and loaded again ...");
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library || !start(library, &first)) return 1;
  if (dlclose(library) != 0) return 2;
  usleep(50000); /* the engine's threads run code that must still be mapped */
  again = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!again || !start(again, &second) || first == second) return 3;
  {
    LOOK_UP(again, bw_server_free);
    if (bw_server_free_.call(&first) != BW_OK || bw_server_free_.call(&second) != BW_OK) return 4;
  }
  if (dlclose(again) != 0) return 5;
  printf(" ok\n1 tests passed\n");
  return 0;
}
