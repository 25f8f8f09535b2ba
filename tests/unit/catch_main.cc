// catch_main.cc - the one translation unit that holds Catch2.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
