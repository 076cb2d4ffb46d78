// The part of Beast that BOOST_BEAST_SEPARATE_COMPILATION leaves out of every other file.

#include <boost/beast/src.hpp>
