// A prefix adder as a module of its own, mapped before it is flattened: the mapper makes all logic of a module only as fast as its slowest
// stretch, and sums stand behind layers of full adders that it does not see.
module hw_prefix #(parameter W = 32) (input [W-1:0] A, B, output [W-1:0] Y, output CO);
  wire [W-1:0] p = A ^ B;
  wire [W-1:0] c;
  \$lcu #(.WIDTH(W)) carries (.P(p), .G(A & B), .CI(1'b0), .CO(c));
  assign Y = p ^ {c[W-2:0], 1'b0};
  assign CO = c[W-1];
endmodule
