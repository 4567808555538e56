# Builds the example programs as build/examples/<name>. Included by the root
# Makefile, which sets CC, CXX, BW_CFLAGS (warnings, -Iinclude) and BW_LIBS
# (-Lbuild/lib -lbellwire and an rpath).

EXAMPLES := build/examples
C_EXAMPLES := hello engineio pull epoll echo arena
CPP_EXAMPLES := hello echo arena
EXAMPLE_PROGRAMS := $(C_EXAMPLES:%=$(EXAMPLES)/%) $(CPP_EXAMPLES:%=$(EXAMPLES)/%-cpp)

# The additional source files of programs that have more than one.
echo_PARTS := $(wildcard examples/c/echo_*.c)
arena_PARTS := $(wildcard examples/c/arena_*.c)
EXAMPLE_HEADERS := $(wildcard include/bellwire.h include/bellwire.hpp include/bellwire/*.hpp examples/c/*.h)

.PHONY: examples
examples: $(EXAMPLE_PROGRAMS)

.SECONDEXPANSION:
$(C_EXAMPLES:%=$(EXAMPLES)/%): $(EXAMPLES)/%: examples/c/%.c $$($$*_PARTS) $(EXAMPLE_HEADERS) $(BW_LIBRARY)
	@mkdir -p $(@D)
	$(CC) -std=c11 $(BW_CFLAGS) -o $@ $(filter %.c,$^) $(BW_LIBS) -lpthread -lm

$(CPP_EXAMPLES:%=$(EXAMPLES)/%-cpp): $(EXAMPLES)/%-cpp: examples/cpp/%.cpp $(EXAMPLE_HEADERS) $(BW_LIBRARY)
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(BW_CFLAGS) -o $@ $< $(BW_LIBS) -lpthread
