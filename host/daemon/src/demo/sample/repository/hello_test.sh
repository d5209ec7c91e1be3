[ "$(sh src/greeter.sh hello Ada)" = "hello, Ada" ]
