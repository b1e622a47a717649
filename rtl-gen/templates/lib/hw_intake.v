// Token intake: counts the positions of every user and starts the embedding. A token past the context is dropped.
module hw_intake #(
  parameter USERS = 1,
  parameter CONTEXT = 512,
  parameter UW = 1,
  parameter POSW = 10
) (
  input clk,
  input rst,
  input valid,
  output ready,
  input [UW-1:0] user,
  input first,
  input want,
  input idle,                    // the embedding and the station after it are free
  output start,
  output [POSW-1:0] pos,
  output reg [UW+POSW:0] header, // of the token in the embedding: want, user, position
  output reg context_full
);
  reg [USERS*POSW-1:0] counts;
  assign pos = first ? 0 : counts[user*POSW +: POSW];
  assign ready = idle;
  assign start = valid && idle && pos < CONTEXT;
  always @(posedge clk) begin
    if (valid && idle && pos >= CONTEXT) context_full <= 1;
    if (start) begin
      counts[user*POSW +: POSW] <= pos + 1;
      header <= {want, user, pos};
    end
    if (rst) begin
      counts <= 0;
      context_full <= 0;
    end
  end
endmodule
