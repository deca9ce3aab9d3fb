"""What every service needs and none owns: no models, no words of the domain."""
